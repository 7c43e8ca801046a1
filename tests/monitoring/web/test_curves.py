"""Curves: what a point stands for, and that their size has a bound."""

import json
import math

import pytest

from cut.monitoring.web.curves import Curves


def test_few_samples_are_kept_as_they_are():
    curves = Curves()
    for x in range(3):
        curves.add(x, {"G": x / 8, "D": 1.0})
    assert curves.as_json() == {"x": [0, 1, 2], "y": {"G": [0, 0.125, 0.25], "D": [1, 1, 1]}}


@pytest.mark.parametrize("count", [9, 16, 17, 1000, 4097])
def test_a_point_is_the_mean_of_equally_many_samples(count):
    curves = Curves(limit=8)
    for x in range(count):
        curves.add(x, {"G": 2 * x})
    drawn, each = curves.as_json(), curves.samples_per_point
    stretches = [range(first, min(count, first + each)) for first in range(0, count, each)]
    assert drawn["x"] == pytest.approx([sum(stretch) / len(stretch) for stretch in stretches], rel=1e-4)
    assert drawn["y"]["G"] == pytest.approx([2 * x for x in drawn["x"]], rel=1e-4)
    assert 4 <= len(drawn["x"]) <= 8 and each & (each - 1) == 0


def test_a_long_run_has_no_larger_curves():
    sizes = []
    for count in (4_000, 400_000):
        curves = Curves()
        for x in range(count):
            curves.add(x / 100, {"G": math.sin(x), "NCE": math.cos(x)})
        sizes.append(len(json.dumps(curves.as_json())))
        assert 200 <= len(curves.stretches) <= 400
    assert sizes[1] < 2 * sizes[0]


def test_what_is_missing_or_not_finite_leaves_a_gap():
    curves = Curves(limit=4)
    for x, value in enumerate([1.0, None, math.nan, math.inf]):
        curves.add(x, {"G": value, "D": 5.0})
    assert curves.as_json()["y"] == {"G": [1, None, None, None], "D": [5, 5, 5, 5]}
    curves.add(4, {"idt": 3.0})  # merges in pairs: means are of what is there
    assert curves.as_json()["y"] == {"G": [1, None, None], "D": [5, 5, None], "idt": [None, None, 3]}


def test_nothing_is_an_empty_curve():
    assert Curves().as_json() == {"x": [], "y": {}}
