"""LPIPS is that of its authors' package, with a backbone from a file and never from a download."""

import sys

import lpips
import numpy as np
import pytest
import torch
import torchvision

from cut.errors import UserError
from cut.evaluation.comparison.perceptual import PerceptualDistance
from tests.evaluation.measured_run import trained
from tests.evaluation.test_evaluator import evaluator_of


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("alexnet") / "alexnet.pth"
    torch.save(torchvision.models.alexnet(weights=None, num_classes=2).state_dict(), file)
    return file


def test_it_is_the_packages_number(weights):
    distance = PerceptualDistance(weights)
    torch.manual_seed(0)
    features = torchvision.models.alexnet(weights=None, num_classes=2).features
    published = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    for name, own in published.net.named_parameters():
        own.data.copy_(dict(features.named_parameters())[name.partition(".")[2]])
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 256, (2, 40, 48, 3), dtype=np.uint8)
    as_tensors = (lpips.im2tensor(picture) for picture in (one, other))
    with torch.no_grad():
        assert distance(one, other) == pytest.approx(float(published(*as_tensors)), rel=1e-5)
    assert distance(one, one) == 0 and distance(one, other) == pytest.approx(distance(other, one), rel=1e-5)


def test_it_is_measured_while_a_run_trains(data, weights, capsys):
    words = ["--load_size", "32", "--crop_size", "32", "--lpips_weights", str(weights), "--best_metric", "lpips"]
    folder = trained(data, "run", *words)
    assert "LPIPS" in capsys.readouterr().out and (folder / "best_net_G.pth").exists()


def test_what_cannot_be_used_is_refused(data, weights, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="LPIPS needs pictures of at least 32 pixels, not 16×16"):
        evaluator_of(data, "--lpips_weights", str(weights))
    with pytest.raises(UserError, match=r"no weight file .*nowhere.pth; give torchvision's alexnet-owt-7be5be79.pth"):
        PerceptualDistance(tmp_path / "nowhere.pth")
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="other.pth .* holds the weights of another network"):
        PerceptualDistance(tmp_path / "other.pth")
    (data / "valB/3.png").rename(data / "valB/9.png")
    with pytest.raises(UserError, match="--lpips_weights compares pairs"):
        evaluator_of(data, "--lpips_weights", str(weights))
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(UserError, match=r"LPIPS needs its package .*: pip install '\.\[scores\]'"):
        PerceptualDistance(weights)
