"""DRN-D-22 gives the recorded numbers, and takes the files that exist of it and no others."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cut.errors import UserError
from cut.networks.drn import DRN22, read_drn22
from tests.reference_runs import FOLDER

FACTS = json.loads((FOLDER / "drn_d_22.json").read_text())


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Drawn as the recording says."""
    rng = np.random.default_rng(FACTS["seed"])
    drawn = {}
    for name, shape in FACTS["parameters"]:
        value = rng.standard_normal(shape)
        if len(shape) == 4:
            value *= np.sqrt(2 / np.prod(shape[1:]))
        else:
            value = 1 + 0.1 * value if name.endswith("weight") else 0.1 * value
        drawn[name] = value
    for name, shape in FACTS["buffers"]:
        if name.endswith("running_mean"):
            drawn[name] = 0.1 * rng.standard_normal(shape)
        elif name.endswith("running_var"):
            drawn[name] = rng.uniform(0.5, 1.5, shape)
    return {name: torch.from_numpy(value).float() for name, value in drawn.items()}


def saved(folder: Path, weights, prefix: str = "", nested: bool = False) -> Path:
    whole = DRN22(len(weights["seg.bias"])).state_dict() | weights
    content = {prefix + name: tensor for name, tensor in whole.items()}
    torch.save({"epoch": 3, "arch": "drn_d_22", "state_dict": content} if nested else content, folder / "drn.pth")
    return folder / "drn.pth"


def test_the_recorded_numbers(weights, tmp_path):
    recorded = np.load(FOLDER / "drn_d_22.npz")
    rng = np.random.default_rng(FACTS["input"]["seed"])
    normalised = torch.from_numpy(rng.standard_normal(FACTS["input"]["shape"]).astype(np.float32))
    network = read_drn22(saved(tmp_path, weights))
    assert list(network.state_dict()) == FACTS["state_dict"]
    with torch.no_grad():
        np.testing.assert_allclose(network.logits(normalised), recorded["logits"], rtol=1e-4, atol=1e-4)
        output = network(normalised * network.std + network.mean)
    np.testing.assert_allclose(output, recorded["log_softmax"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("prefix", "nested"), [("module.", False), ("module.", True), ("", True)])
def test_checkpoints_of_the_training_code_are_read_too(weights, tmp_path, prefix, nested):
    network = read_drn22(saved(tmp_path, weights, prefix, nested))
    assert torch.equal(network.seg.weight, weights["seg.weight"]) and not network.training


def test_a_constant_image_keeps_its_class_through_the_upsampling():
    """Away from the border the kernels of neighbours sum to one."""
    up = DRN22().up(torch.ones(1, 19, 4, 4))[0, 0]
    torch.testing.assert_close(up[8:-8, 8:-8], torch.ones(16, 16))


def test_other_weights_are_refused(weights, tmp_path):
    other = weights | {"seg.weight": torch.zeros(11, 512, 1, 1), "seg.bias": torch.zeros(11)}
    with pytest.raises(UserError, match=r"drn.pth tell 11 classes apart, not 19"):
        read_drn22(saved(tmp_path, other))
    with pytest.raises(UserError, match=r"numbers that are not finite \(in seg.bias\)"):
        read_drn22(saved(tmp_path, weights | {"seg.bias": torch.full((19,), torch.nan)}))
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "drn.pth")
    with pytest.raises(UserError, match=r"another network than DRN-D-22 \(see fc.weight\)"):
        read_drn22(tmp_path / "drn.pth")
    with pytest.raises(UserError, match="There is no weight file .*nowhere.pth"):
        read_drn22(tmp_path / "nowhere.pth")
