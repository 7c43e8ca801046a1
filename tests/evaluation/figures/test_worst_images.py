"""The held-out images with the largest error: which they are, and what they are compared with."""

import numpy as np
import pytest
from PIL import Image

from cut.errors import UserError
from cut.evaluation.comparison.held_out import held_out
from cut.evaluation.features.extraction import image_features
from cut.evaluation.figures.worst_images import largest, worst_images
from cut.evaluation.protocols.saved_epochs import SavedEpochs, held_out_set, run_options
from tests.evaluation.measured_run import data, extractor, trained  # noqa: F401 fixtures
from tests.tiny_extractor import Colours


def options(data, name="run"):  # noqa: F811
    return run_options(name, str(data / "checkpoints"), ["--gpu_ids", "-1"])


def test_the_largest_come_first():
    assert largest([1.0, 3.0, 2.0, 3.0], 3) == [1, 3, 2] and largest([1.0], 5) == [0]


def test_pairs_are_ordered_by_their_squared_difference(data):  # noqa: F811
    trained(data, "run")
    found = worst_images(options(data), "latest", 8)
    assert len(found.images) == 4 and "4 of 4 images of val" in found.about and "same name" in found.about
    errors = [
        np.sqrt(np.square(one.pictures["translation"] - one.pictures[f"real image {one.name}"].astype(float)).mean())
        for one in found.images
    ]
    assert errors == sorted(errors, reverse=True)
    assert [float(one.scores["RMSE"]) for one in found.images] == pytest.approx(errors, rel=1e-3)
    ((_, measured),) = SavedEpochs(options(data), "cpu").measure(["latest"])
    mean = np.mean([float(one.scores["PSNR"]) for one in found.images])
    assert mean == pytest.approx(measured.measures["psnr"], rel=1e-3)  # the pictures are those that training measures


def test_without_pairs_a_translation_is_compared_with_the_nearest_real_image(data):  # noqa: F811
    trained(data, "run")
    for number in range(4):
        (data / f"valB/{number}.png").rename(data / f"valB/other{number}.png")
    found = worst_images(options(data), "latest", 8)
    assert len(found.images) == 4 and "nearest of 4 real images in the features of colours" in found.about
    distances = [float(one.scores["distance"]) for one in found.images]
    assert distances == sorted(distances, reverse=True)
    targets = list(held_out(options(data), held_out_set(options(data))).target.all_pixels())
    real = image_features(Colours(), targets)
    for one, distance in zip(found.images, distances, strict=True):
        caption, nearest = list(one.pictures.items())[2]
        to_all = np.linalg.norm(real - image_features(Colours(), [one.pictures["translation"]]), axis=1)
        assert distance == pytest.approx(to_all.min(), rel=1e-3)
        assert caption == f"nearest real image other{to_all.argmin()}.png"
        np.testing.assert_array_equal(nearest, targets[to_all.argmin()])


def test_a_translation_that_is_a_real_image_has_no_error(data, monkeypatch):  # noqa: F811
    """By a generator that gives back its source."""
    trained(data, "run")
    for number in range(4):
        Image.open(data / f"valA/{number}.png").save(data / f"valB/{number}.png")
    monkeypatch.setattr(
        "cut.evaluation.figures.worst_images.translation_of",
        lambda generator, arithmetic, images, seed: images.source.shown,
    )
    assert {one.scores["RMSE"] for one in worst_images(options(data), "latest", 4).images} == {"0"}
    (data / "valB/3.png").rename(data / "valB/x.png")
    assert {one.scores["distance"] for one in worst_images(options(data), "latest", 4).images} == {"0"}


def test_what_is_missing_is_one_sentence(data):  # noqa: F811
    trained(data, "run")
    with pytest.raises(UserError, match="--epoch 7 was not saved"):
        worst_images(options(data), "7", 4)
    with pytest.raises(UserError, match="trained on two pictures"):
        worst_images(options(data).replace(dataset_mode="singleimage"), "latest", 4)
