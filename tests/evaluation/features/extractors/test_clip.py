"""CLIP with random weights in the form of OpenAI's files, of a smaller network; nothing is ever downloaded."""

import sys
import warnings
import zipfile

import numpy as np
import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from cut.errors import UserError
from cut.evaluation.features.extraction import image_features, load_extractor
from cut.evaluation.features.extractors import clip

WIDTH, HEADS, PATCH, SIDE, SIZE = 32, 2, 8, 32, 16


class Block(nn.Module):
    """A residual block with OpenAI's names."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mlp = nn.Module()
        self.mlp.c_fc, self.mlp.c_proj = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False)[0]
        hidden = self.mlp.c_fc(self.ln_2(x))
        return x + self.mlp.c_proj(hidden * torch.sigmoid(1.702 * hidden))


class Visual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(WIDTH))
        self.positional_embedding = nn.Parameter(torch.randn((SIDE // PATCH) ** 2 + 1, WIDTH))
        self.ln_pre, self.ln_post = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.Sequential(Block(), Block())
        self.proj = nn.Parameter(torch.randn(WIDTH, SIZE))

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], 1) + self.positional_embedding
        return self.ln_post(self.transformer.resblocks(self.ln_pre(x))[:, 0]) @ self.proj


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A network and its file; the extractor knows networks of its size."""
    torch.manual_seed(0)
    network = nn.Module()
    network.visual = Visual()
    network.forward = network.visual.forward
    network.logit_scale = nn.Parameter(torch.ones(()))  # the text's part is left out
    file = tmp_path / "tiny.pt"
    with warnings.catch_warnings(action="ignore"):
        traced = torch.jit.trace(network.eval().half(), torch.zeros(1, 3, SIDE, SIDE).half(), check_trace=False)
        torch.jit.save(traced, file)
    network.float()  # with the rounded weights

    def create_model(name, pretrained):
        known = timm.get_pretrained_cfg(name).to_dict()
        made = VisionTransformer(
            img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=2, num_heads=HEADS, num_classes=SIZE,
            pre_norm=True, act_layer="quick_gelu", norm_layer=nn.LayerNorm,
        )  # fmt: skip
        made.pretrained_cfg = known
        return made

    monkeypatch.setattr(timm, "create_model", create_model)
    monkeypatch.setitem(clip._NETWORKS, (WIDTH, PATCH, 17), ("tiny", "vit_base_patch32_clip_quickgelu_224.openai"))
    return network.visual, file


def test_the_features_are_the_embedding(published):
    network, file = published
    extractor = load_extractor("clip", clip_weights=str(file))
    assert (extractor.title, extractor.size) == ("CLIP tiny", SIZE)
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    found = image_features(extractor, [picture, picture[::2, ::3]])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (
        (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)))  # fmt: skip
    with torch.no_grad():
        expected = network((torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255 - mean) / std)
    np.testing.assert_allclose(found[:1], expected, rtol=1e-4, atol=1e-4)
    assert found.shape == (2, SIZE) and not np.allclose(found[0], found[1])


def test_no_code_of_a_file_is_run(tmp_path):
    for classes in (b"cos\nsystem\n", b"cbuiltins\neval\n"):
        with zipfile.ZipFile(tmp_path / "bad.pt", "w") as archive:
            archive.writestr("bad/data.pkl", classes + b"(S'true'\ntR.")
        with pytest.raises(UserError, match="bad.pt .* is damaged or no file of OpenAI's .UnpicklingError"):
            load_extractor("clip", clip_weights=str(tmp_path / "bad.pt"))


@pytest.mark.parametrize("name", [name for _, name in clip._NETWORKS.values()])
def test_the_networks_are_known_to_timm(name):
    assert timm.is_model(name)


def test_what_is_missing_is_one_sentence(published, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="needs a file of its weights, which is not downloaded: give OpenAI"):
        load_extractor("clip")
    with pytest.raises(UserError, match="There is no weight file .*nowhere.pt; give OpenAI's"):
        load_extractor("clip", clip_weights=str(tmp_path / "nowhere.pt"))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="other.pt .* holds the weights of another network"):
        load_extractor("clip", clip_weights=str(tmp_path / "other.pt"))
    (tmp_path / "other.pt").write_bytes(published[1].read_bytes()[:-500])
    with pytest.raises(UserError, match="other.pt .* is damaged or no file of OpenAI's"):
        load_extractor("clip", clip_weights=str(tmp_path / "other.pt"))
    monkeypatch.setattr(clip, "_NETWORKS", {})
    with pytest.raises(UserError, match="tiny.pt .* holds the weights of another network"):
        load_extractor("clip", clip_weights=str(published[1]))
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"needs timm .*: pip install '\.\[scores\]'"):
        load_extractor("clip")
