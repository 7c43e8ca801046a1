"""The Fréchet distance against closed forms, pytorch-fid's own function, and for fewer images than features."""

import math

import numpy as np
import pytest
from pytorch_fid.fid_score import calculate_frechet_distance

from cut.errors import UserError
from cut.evaluation.features.feature_set import FeatureSet
from cut.evaluation.measures.frechet import frechet_distance
from tests.evaluation.features.tiny_extractor import features_with


def random_set(count, size, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(size, size)) / math.sqrt(size)
    return FeatureSet("Inception", (rng.normal(size=(count, size)) @ mixing + shift).astype(np.float32))


def statistics_of(one):
    return FeatureSet(one.title, None, statistics=(one.mean, one.covariance))


def test_commuting_gaussians_have_a_closed_form():
    a = features_with([1.0, 2.0, 3.0], np.diag([4.0, 9.0, 1.0]))
    b = features_with([0.0, 2.0, 5.0], np.diag([1.0, 25.0, 1.0]), count=60, seed=1)
    expected = (1 + 0 + 4) + (2 - 1) ** 2 + (3 - 5) ** 2 + 0  # |difference of means|² + Σ(√a − √b)²
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_two_dimensions_have_a_closed_form():
    a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.9], [-0.9, 3.0]])  # whose axes differ
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))  # the trace of (ab)^½
    expected = np.trace(a + b) - 2 * root
    found = frechet_distance(features_with([0, 0], a), features_with([0, 0], b, count=50, seed=1))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_shift_alone_is_its_squared_length():
    a = features_with([0.0, 0.0], [[2.0, 0.5], [0.5, 1.0]])
    b = FeatureSet(a.title, a.features + np.float32([3, 4]))
    assert frechet_distance(a, b) == pytest.approx(25, rel=1e-5)


@pytest.mark.parametrize("count", [5, 200])
def test_a_set_is_no_distance_from_itself_in_any_order(count):
    a = random_set(count, 32, seed=0)
    shuffled = FeatureSet(a.title, np.random.default_rng(1).permutation(a.features))
    assert 0 <= frechet_distance(a, a) < 1e-6
    assert 0 <= frechet_distance(a, shuffled) < 1e-6


def test_it_is_pytorch_fids_where_that_is_defined():
    a, b = random_set(300, 24, seed=0), random_set(150, 24, seed=1, shift=0.1)
    try:
        theirs = calculate_frechet_distance(a.mean, a.covariance, b.mean, b.covariance)
    except TypeError:
        pytest.skip("pytorch-fid gives SciPy's sqrtm an argument that this SciPy no longer has")
    for left in (a, statistics_of(a)):
        for right in (b, statistics_of(b)):
            assert frechet_distance(left, right) == pytest.approx(theirs, abs=1e-8)
    assert frechet_distance(b, a) == pytest.approx(theirs, abs=1e-8)


def test_fewer_images_than_features_in_subspaces_without_overlap():
    rng = np.random.default_rng(0)
    a, b = np.zeros((2, 6, 500), np.float32)
    a[:, :100], b[:, 100:] = rng.normal(size=(6, 100)), rng.normal(size=(6, 400))
    a, b = (FeatureSet("Inception", one - one.mean(axis=0)) for one in (a, b))
    expected = a.features.var(axis=0, ddof=1).sum() + b.features.var(axis=0, ddof=1).sum()  # nothing is shared
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_features_that_are_all_zero_change_nothing():
    a, b = random_set(9, 6, seed=0), random_set(8, 6, seed=1)
    wide = [FeatureSet("Inception", np.pad(one.features, ((0, 0), (0, 90)))) for one in (a, b)]  # singular covariances
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(a, b), rel=1e-6)
    assert frechet_distance(*map(statistics_of, wide)) == pytest.approx(frechet_distance(a, b), rel=1e-5)


def test_two_images_are_enough_and_one_is_not():
    pair, one = random_set(2, 8, seed=0), random_set(1, 8, seed=1)
    assert math.isfinite(frechet_distance(pair, random_set(2, 8, seed=2)))
    with pytest.raises(UserError, match="at least two images on each side, not 1"):
        frechet_distance(pair, one)


def test_features_of_different_networks_are_refused():
    a = random_set(5, 8, seed=0)
    with pytest.raises(UserError, match=r"Inception \(8\) and of EfficientNet-Lite0 \(8\)"):
        frechet_distance(a, FeatureSet("EfficientNet-Lite0", a.features))
    with pytest.raises(UserError, match=r"Inception \(8\) and of Inception \(6\)"):
        frechet_distance(a, random_set(5, 6, seed=0))


def test_no_number_gives_no_number():
    a = random_set(5, 8, seed=0)
    assert math.isnan(frechet_distance(a, FeatureSet("Inception", a.features * np.float32("nan"))))
