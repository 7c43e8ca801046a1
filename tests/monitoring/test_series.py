"""Curves that stay short."""

import math

import numpy as np
import pytest

from cut.monitoring.history import History, as_curves


def test_a_short_history_is_kept_as_it_is():
    history = History(limit=8)
    for step in range(5):
        history.add(step, {"G": step**2})
    assert [(point.epochs, point.values) for point in history.snapshot()] == [(s, {"G": s**2}) for s in range(5)]


@pytest.mark.parametrize("count", [7, 8, 9, 100, 1023])
def test_a_long_history_is_bounded_and_keeps_its_mean(count):
    history = History(limit=8)
    for step in range(count):
        history.add(step, {"G": 3.0 * step})
    points = history.snapshot()
    assert len(points) <= 8
    assert [point.values["G"] for point in points] == pytest.approx([3 * point.epochs for point in points])
    assert all(left.epochs < right.epochs for left, right in zip(points, points[1:]))
    assert points[-1].epochs <= count - 1 < points[-1].epochs + history.stretch


def test_means_are_over_the_finite_values():
    history = History(limit=2)
    history.add(0, {"G": 1.0, "D": math.nan})
    history.add(1, {"G": math.inf, "D": math.nan, "F": 4.0})
    (point,) = history.snapshot()
    assert point.values["G"] == 1.0 and math.isnan(point.values["D"]) and point.values["F"] == 4.0


def test_a_curve_has_gaps_where_a_point_has_no_value():
    history = History()
    history.add(0.5, {"G": 1.0})
    history.add(1.0, {"D": 2.0})
    epochs, curves = as_curves(history.snapshot())
    assert epochs.tolist() == [0.5, 1.0] and list(curves) == ["G", "D"]
    np.testing.assert_array_equal(curves["G"], [1.0, math.nan])
