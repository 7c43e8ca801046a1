"""The distances by name, with what makes them comparable."""

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.measures.distances import comparison_details, distances, what_few_images_mean
from cut.evaluation.measures.feature_set import FeatureSet
from cut.evaluation.measures.features import folder_features
from cut.evaluation.measures.frechet import frechet_distance
from cut.evaluation.measures.kernel import kernel_distance
from tests.evaluation.measures.tiny_extractor import Quarters, write_pictures


def some(count, seed, title="Inception"):
    return FeatureSet(title, np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32), "8×8")


def test_only_inceptions_are_called_fid_and_kid():
    real, fake = some(10, 0), some(12, 1)
    measures, spread = distances(real, fake, seed=5)
    mean, deviation = kernel_distance(real, fake, seed=5)
    assert measures == {"FID": frechet_distance(real, fake), "KID": mean} and spread == {"KID": deviation}
    measures, spread = distances(some(10, 0, "EfficientNet-Lite0"), some(12, 1, "EfficientNet-Lite0"))
    assert list(measures) == ["FD (EfficientNet-Lite0)", "KD (EfficientNet-Lite0)"]
    assert list(spread) == ["KD (EfficientNet-Lite0)"]


def test_statistics_without_features_have_no_kernel_distance():
    fake = some(12, 1)
    measures, spread = distances(FeatureSet("Inception", None, statistics=(np.zeros(4), np.eye(4))), fake)
    assert list(measures) == ["FID"] and not spread


def test_the_details_say_what_was_compared():
    assert comparison_details(some(10, 0), FeatureSet("Inception", None), seed=3) == {
        "real_count": 10,
        "fake_count": None,
        "extractor": "Inception",
        "real_sizes": "8×8",
        "fake_sizes": "unknown",
        "seed": 3,
    }


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
        distances(real, copy)


def test_the_same_statistics_on_both_sides_are_refused():
    one, again, other = (FeatureSet("Tiny", None, statistics=(np.full(2, mean), np.eye(2))) for mean in (0.0, 0.0, 1.0))
    with pytest.raises(UserError, match="Both sets are the same images"):
        distances(one, again)
    assert distances(one, other)[0] == {"FD (Tiny)": pytest.approx(2)}
