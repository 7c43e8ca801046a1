"""DINOv2 with random weights in the form of the published files; nothing is ever downloaded."""

import sys

import numpy as np
import pytest
import timm
import torch

from cut.errors import UserError
from cut.evaluation.features.extraction import image_features, load_extractor


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A network at 518 pixels, as the published ones are, and its file, which has a mask token too."""
    torch.manual_seed(0)
    network = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0).eval()
    file = tmp_path_factory.mktemp("dinov2") / "dinov2_vits14_pretrain.pth"
    torch.save({**network.state_dict(), "mask_token": torch.zeros(1, 384)}, file)
    return network, file


def test_the_features_are_the_class_token_at_224_pixels(published):
    network, file = published
    extractor = load_extractor("dinov2", dinov2_weights=str(file))
    assert (extractor.title, extractor.size) == ("DINOv2 small", 384)
    assert torch.equal(extractor.network.blocks[3].attn.qkv.weight, network.blocks[3].attn.qkv.weight)
    picture = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    found = image_features(extractor, [picture, picture[::2, ::3]])
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        expected = extractor.network.forward_features(x)[:, 0]
    np.testing.assert_allclose(found[:1], expected, rtol=1e-3, atol=1e-3)
    assert found.shape == (2, 384) and not np.allclose(found[0], found[1])


def test_what_is_missing_is_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="needs a file of its weights, which is not downloaded: give Meta"):
        load_extractor("dinov2")
    torch.save({"cls_token": torch.zeros(1, 1, 7)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="other.pth .* holds the weights of another network"):
        load_extractor("dinov2", dinov2_weights=str(tmp_path / "other.pth"))
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"needs timm .*: pip install '\.\[scores\]'"):
        load_extractor("dinov2")
