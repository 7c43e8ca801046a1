"""Series: what a point stands for, and that their size has a bound."""

import math

import numpy as np
import pytest

from cut.monitoring.series import Series, as_curves


def values(series: Series, name: str) -> list[float]:
    return [point.values.get(name, math.nan) for point in series.points()]


def test_few_samples_are_kept_as_they_are():
    series = Series()
    for step in range(5):
        series.add(step, {"G": step**2})
    assert [(point.epochs, point.values) for point in series.points()] == [(s, {"G": s**2}) for s in range(5)]
    assert Series().points() == ()


@pytest.mark.parametrize("count", [7, 8, 9, 16, 17, 1000, 4097])
def test_a_point_is_the_mean_of_equally_many_samples(count):
    series = Series(limit=8)
    for x in range(count):
        series.add(x, {"G": 2 * x})
    points, each = series.points(), series.samples_per_point
    stretches = [range(first, min(count, first + each)) for first in range(0, count, each)]
    assert [point.epochs for point in points] == pytest.approx([sum(one) / len(one) for one in stretches])
    assert values(series, "G") == pytest.approx([2 * point.epochs for point in points])
    assert min(count, 4) <= len(points) <= 8 and each & (each - 1) == 0


def test_a_long_run_has_no_more_points():
    for count in (4_000, 40_000):
        series = Series()
        for x in range(count):
            series.add(x / 100, {"G": math.sin(x), "NCE": math.cos(x)})
        assert 200 <= len(series.points()) <= 400


def test_what_is_missing_or_not_finite_leaves_a_gap():
    series = Series(limit=4)
    for x, value in enumerate([1.0, None, math.nan, math.inf]):
        series.add(x, {"G": value, "D": 5.0})
    np.testing.assert_array_equal(values(series, "G"), [1, math.nan, math.nan, math.nan])
    series.add(4, {"idt": 3.0})  # merges in pairs: means are of what is there
    epochs, curves = as_curves(series.points())
    assert epochs.tolist() == [0.5, 2.5, 4] and list(curves) == ["G", "D", "idt"]
    np.testing.assert_array_equal(curves["G"], [1, math.nan, math.nan])
    np.testing.assert_array_equal(curves["D"], [5, 5, math.nan])
    assert [(point.epochs, point.values) for point in series.points_of("idt")] == [(4, {"idt": 3.0})]
