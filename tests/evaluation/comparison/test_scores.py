"""What every measure says of sets and of pairs, with what makes the numbers comparable."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.comparison.scores import PairScores, compare_sets, feature_scores, what_few_images_mean
from cut.evaluation.features.extraction import folder_features
from cut.evaluation.features.feature_set import FeatureSet
from cut.evaluation.measures.frechet import frechet_distance
from cut.evaluation.measures.kernel import kernel_distance
from cut.evaluation.measures.psnr import psnr
from cut.evaluation.measures.ssim import ssim
from tests.evaluation.features.tiny_extractor import Quarters, write_pictures


def some(count, seed, title="Inception"):
    return FeatureSet(title, np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32), "8×8")


def test_sets_are_compared_by_their_features():
    real, fake = some(10, 0), some(12, 1)
    measures, spread = feature_scores(real, fake, seed=5)
    mean, deviation = kernel_distance(real, fake, seed=5)
    assert measures == {"frechet": frechet_distance(real, fake), "kernel": mean} and spread == {"kernel": deviation}


def test_statistics_without_features_have_no_kernel_distance():
    fake = some(12, 1)
    measures, spread = feature_scores(FeatureSet("Inception", None, statistics=(np.zeros(4), np.eye(4))), fake)
    assert list(measures) == ["frechet"] and not spread


def test_the_details_say_what_was_compared():
    found = compare_sets(
        some(10, 0), FeatureSet("Inception", None, statistics=(np.zeros(4), np.eye(4))), 3, 0, {"split": "val"}
    )
    assert found.details == {
        "split": "val",
        "real_count": 10,
        "fake_count": None,
        "extractor": "Inception",
        "real_sizes": "8×8",
        "fake_sizes": "unknown",
        "variety": pytest.approx(4 / some(10, 0).features.var(axis=0, ddof=1).sum(), rel=1e-5),
        "seed": 3,
        "pairs": False,
        "palette": None,
    }


def test_variety_is_the_variance_against_that_of_the_real_images():
    real = some(10, 0)
    half = replace(real, features=real.features.mean(axis=0) + (real.features - real.features.mean(axis=0)) / 2)
    one = replace(real, features=np.ones_like(real.features))
    assert compare_sets(real, half, 3, 0, {}).details["variety"] == pytest.approx(1 / 4, rel=1e-5)
    assert compare_sets(real, one, 3, 0, {}).details["variety"] == 0
    assert compare_sets(one, real, 3, 0, {}).details["variety"] is None


def test_what_few_images_mean_is_said_of_either_side():
    assert what_few_images_mean((2048, 2048), "Inception") == what_few_images_mean((None, 5000), "Inception") == []
    (said,) = what_few_images_mean((2048, 2047), "Inception")
    assert said.startswith("With fewer than 2,048 images on a side, FID comes out too large")
    assert "FD (Tiny)" in what_few_images_mean((10, None), "Tiny")[0]


def test_the_same_images_on_both_sides_are_refused(tmp_path):
    write_pictures(tmp_path / "real", 3)
    write_pictures(tmp_path / "copy", 3)
    (tmp_path / "copy/0.png").rename(tmp_path / "copy/renamed.png")
    real, copy = (folder_features(Quarters(), tmp_path / name) for name in ("real", "copy"))
    with pytest.raises(UserError, match="Both sets are the same 3 images"):
        feature_scores(real, copy)


def test_the_same_statistics_on_both_sides_are_refused():
    one, again, other = (FeatureSet("Tiny", None, statistics=(np.full(2, mean), np.eye(2))) for mean in (0.0, 0.0, 1.0))
    with pytest.raises(UserError, match="Both sets are the same images"):
        feature_scores(one, again)
    assert feature_scores(one, other)[0] == {"frechet": pytest.approx(2)}


# ------------------------------------------------------------------ pairs


BLACK_AND_WHITE = Palette("black and white", ("black", "white"), (((0, 0, 0),), ((255, 255, 255),)))


def noise(seed, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (12, 14, channels), np.uint8)


def test_images_count_equally_and_pixels_of_all_images_together():
    real, half = np.zeros((12, 12, 3), np.uint8), np.zeros((12, 12, 3), np.uint8)
    half[:6] = 255
    scores = PairScores(BLACK_AND_WHITE)
    scores.add(real, real)
    scores.add(real, half)
    measures = scores.measures()
    assert list(measures) == ["psnr", "ssim", "pixel_accuracy", "class_accuracy", "mean_iou"]
    assert measures["psnr"] == pytest.approx((100 + 10 * math.log10(2)) / 2)
    assert measures["ssim"] == pytest.approx((1 + ssim(real, half)) / 2)
    assert measures["pixel_accuracy"] == measures["class_accuracy"] == 0.75
    assert measures["mean_iou"] == 0.375  # black 3/4, white 0
    assert {type(value) for value in measures.values()} == {float}


@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_palette_no_classes(channels):
    real, fake = noise(0, channels), noise(1, channels)
    scores = PairScores()
    scores.add(real, fake)
    assert scores.measures() == {"psnr": psnr(real, fake), "ssim": ssim(real, fake)}


def test_the_order_of_pairs_changes_nothing():
    pairs = [(noise(index), noise(index + 10)) for index in range(4)]
    forth, back = PairScores(BLACK_AND_WHITE), PairScores(BLACK_AND_WHITE)
    for real, fake in pairs:
        forth.add(real, fake)
    for real, fake in reversed(pairs):
        back.add(real, fake)
    assert forth.measures() == pytest.approx(back.measures(), rel=1e-12)


def test_no_pairs_no_scores():
    assert PairScores().measures() == PairScores(BLACK_AND_WHITE).measures() == {}


@pytest.mark.parametrize(("name", "which"), [("street/7", "the pair street/7"), ("", "a pair")])
def test_sizes_that_differ_name_the_pair(name, which):
    said = rf"{which} differ in size: the real one is 14×12 with 3 channels, the translation 14×11 with 1 channel; "
    with pytest.raises(UserError, match=said):
        PairScores().add(noise(0), noise(0)[:11, :, :1], name)
