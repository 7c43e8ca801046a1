"""A segmentation network scores photographs against the label maps that they were made from."""

import numpy as np
import pytest
import torch
from PIL import Image

from cut.errors import UserError
from cut.evaluation.comparison.palette import load_palette
from cut.evaluation.comparison.segmenter import Segmenter, looks_like
from cut.training.listener import Progress
from tests.evaluation.drn_file import colour_network
from tests.evaluation.measured_run import trained
from tests.evaluation.test_evaluator import evaluator_of

PALETTE = load_palette("cityscapes")
ROAD, SKY = PALETTE.colors[0][0], PALETTE.colors[10][0]


@pytest.fixture
def weights(tmp_path):
    return colour_network(tmp_path / "drn.pth")


@pytest.fixture
def labels(data):
    """A run whose sources are label maps: upper half sky, lower half road, and a void row; targets are dark below."""
    for number in range(4):
        image = np.zeros((16, 16, 3), np.uint8)
        image[:8], image[8:14] = SKY, ROAD
        Image.fromarray(image).save(data / "valA" / f"{number}.png")
        photo = np.full((16, 16, 3), 250, np.uint8)
        photo[8:] = 5
        Image.fromarray(photo).save(data / "valB" / f"{number}.png")
    return data


def test_any_size_is_labelled_at_the_size_that_is_asked_for(weights):
    segmenter = Segmenter(weights)
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:20] = 255
    for size in ((256, 128), (61, 35)):
        found = segmenter.label(photo, size)
        assert found.shape == size[::-1] and found.dtype == np.int16
        assert (found[: size[1] // 3] == 10).mean() > 0.9 and (found[-size[1] // 4 :] == 0).mean() > 0.9
    assert len(segmenter.weights["sha256"]) == 64 and segmenter.weights["file"] == "drn.pth"


def test_only_label_maps_look_like_their_palette():
    label = np.zeros((32, 32, 3), np.uint8)
    label[:16] = SKY
    assert looks_like(PALETTE, label)
    rng = np.random.default_rng(0)
    photo = np.clip(rng.normal((220, 40, 200), 8, (32, 32, 3)), 0, 255).astype(np.uint8)
    assert not looks_like(load_palette("relief"), photo) or not looks_like(PALETTE, photo)


def test_a_run_is_scored_while_it_trains(labels, weights, capsys):
    folder = trained(labels, "run", "--drn_weights", str(weights), "--best_metric", "drn_mean_iou")
    said = capsys.readouterr().out
    assert "DRN pixel accuracy, all" in said and "the weights of the best DRN mean IoU are kept as best" in said
    assert (folder / "best_net_G.pth").exists()
    assert "The real photographs reach DRN mean IoU" in said and "(weights drn.pth, SHA-256 " in said


def test_the_ceiling_is_that_of_the_real_photographs(labels, weights):
    evaluator, _ = evaluator_of(labels, "--drn_weights", str(weights))
    found = evaluator.evaluate(Progress(1, 0, 0, 0, 2, 2))
    ceiling = found.details["segmenter"]["ceiling"]
    assert ceiling["drn_pixel_accuracy_valid"] > 0.8
    share = ceiling["drn_pixel_accuracy_all"] / ceiling["drn_pixel_accuracy_valid"]
    assert share == pytest.approx(14 / 16)  # two rows of sixteen are void
    assert {"drn_mean_iou", "drn_class_accuracy"} <= found.measures.keys()


def test_bad_input_is_refused_before_the_first_step(data, weights):
    for number in range(4):
        Image.new("RGB", (24, 20), (0, 255, 0)).save(data / "valA" / f"{number}.png")
    with pytest.raises(UserError, match="not have the colours of Cityscapes: translate from labels to photographs"):
        evaluator_of(data, "--drn_weights", str(weights))
    torch.save({"a": torch.zeros(1)}, weights)
    with pytest.raises(UserError, match="another network than DRN-D-22"):
        evaluator_of(data, "--drn_weights", str(weights))
    with pytest.raises(UserError, match="--best_metric drn_mean_iou is measured only with --drn_weights: give it too"):
        evaluator_of(data, "--best_metric", "drn_mean_iou")
