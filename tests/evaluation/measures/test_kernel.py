"""The kernel distance: by hand, against its definition, and what unbiased means."""

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.features.feature_set import FeatureSet
from cut.evaluation.measures import kernel
from cut.evaluation.measures.kernel import kernel_distance


def features(values):
    return FeatureSet("Inception", np.asarray(values, np.float32))


def gaussian(count, seed, shift=0.0, size=8):
    return features(np.random.default_rng(seed).normal(shift, 1, (count, size)))


def definition(x, y):
    """The unbiased estimate from all pairs, in loops."""
    x, y = x.astype(float), y.astype(float)
    k = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    m, n = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    yy = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (m * n)


def test_by_hand():
    # k(0,1) = 1; k(1,2) = 27; across: k(0,1) = 1, k(0,2) = 1, k(1,1) = 8, k(1,2) = 27.
    mean, spread = kernel_distance(features([[0], [1]]), features([[1], [2]]))
    assert mean == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)
    assert spread == 0  # two images have one subset


def test_each_subset_has_the_value_of_the_definition(monkeypatch):
    a, b = gaussian(11, seed=0), gaussian(9, seed=1, shift=0.5)
    drawn = []
    memberships = kernel._memberships
    monkeypatch.setattr(kernel, "_memberships", lambda *args: drawn.append(memberships(*args)) or drawn[-1])
    monkeypatch.setattr(kernel, "_BLOCK", 3)  # rows of the kernel matrix that do not divide the images
    mean, spread = kernel_distance(a, b, subsets=7)
    values = [definition(a.features[i > 0], b.features[j > 0]) for i, j in zip(*drawn, strict=True)]
    assert [one.sum() for one in drawn] == [7 * 4, 7 * 4]  # half of nine
    assert mean == pytest.approx(np.mean(values), abs=1e-9)
    assert spread == pytest.approx(np.std(values), abs=1e-9)


def test_two_samples_of_one_distribution_are_around_zero_on_both_sides():
    values = [kernel_distance(gaussian(60, seed=i), gaussian(90, seed=1000 + i))[0] for i in range(40)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_its_expectation_does_not_depend_on_the_number_of_images():
    few = np.mean([kernel_distance(gaussian(20, i), gaussian(20, 1000 + i, shift=1))[0] for i in range(60)])
    many = kernel_distance(gaussian(1500, 0), gaussian(1500, 1, shift=1))[0]
    assert few == pytest.approx(many, rel=0.1)


def test_the_seed_decides_the_subsets_and_nothing_else_is_drawn():
    a, b = gaussian(30, seed=0), gaussian(30, seed=1)
    state = np.random.get_state()[1].copy()
    assert kernel_distance(a, b, seed=3) == kernel_distance(a, b, seed=3) != kernel_distance(a, b, seed=4)
    assert (np.random.get_state()[1] == state).all()


def test_few_images_have_a_spread_too():
    _mean, spread = kernel_distance(gaussian(30, seed=0), gaussian(30, seed=1))
    assert spread > 0


def test_of_very_many_images_some_are_drawn(monkeypatch):
    monkeypatch.setattr(kernel, "_MOST_IMAGES", 50)
    many, fewer = gaussian(400, seed=0, shift=1), gaussian(60, seed=1)
    assert kernel_distance(many, fewer)[0] == pytest.approx(definition(many.features, fewer.features), rel=0.3)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UserError, match="at least two images on each side, not 1"):
        kernel_distance(gaussian(1, seed=0), gaussian(5, seed=1))
    statistics = FeatureSet("Inception", None, statistics=(np.zeros(8), np.eye(8)))
    assert kernel_distance(gaussian(5, seed=0), statistics) is None
