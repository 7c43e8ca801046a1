"""The curves of several runs: which points they have."""

import io
import math

import pytest
from PIL import Image

from cut.monitoring.reports.picture import averaged, draw_losses, draw_measures, mean_of, values_of
from cut.monitoring.reports.runs import read_run
from cut.monitoring.series import Point
from cut.training.evaluation_table import Column
from tests.monitoring.recorded_runs import record


def test_a_curve_has_the_finite_values_by_epoch(tmp_path):
    measures = {1: {"frechet": 30.0}, 2: {"frechet": math.nan}, 4: {"frechet": 10.0, "kernel": 0.5}}
    run = read_run(record(tmp_path / "a", measures=measures))
    assert values_of(run, Column("frechet", "FID")) == {1: 30.0, 4: 10.0}
    assert values_of(run, Column("kernel", "KID")) == {4: 0.5}


def test_the_mean_is_over_the_epochs_that_all_seeds_have():
    assert mean_of([{1: 2.0, 2: 4.0, 3: 9.0}, {3: 1.0, 2: 6.0}]) == {2: 5.0, 3: 5.0}
    assert mean_of([{5: 1.0}]) == {5: 1.0}


def test_a_picture_of_all_measures(tmp_path):
    measures = {epoch: {"frechet": 10.0 * epoch, "kernel": 0.1, "psnr": 17.0} for epoch in (2, 4)}
    seeds = [read_run(record(tmp_path / f"a{seed}", "--seed", str(seed), measures=measures)) for seed in (0, 1)]
    other = read_run(record(tmp_path / "b", "--CUT_mode", "FastCUT", measures=measures))
    with Image.open(io.BytesIO(draw_measures([*seeds, other]))) as picture:
        assert picture.format == "PNG" and min(picture.size) > 400


def test_without_measures_there_is_no_picture(tmp_path):
    assert draw_measures([read_run(record(tmp_path / "a"))]) is None


@pytest.mark.parametrize("values", [{}, {1: {"frechet": math.nan}}])
def test_a_run_without_finite_values_does_not_stop_the_others(tmp_path, values):
    runs = [
        record(tmp_path / "a", measures=values),
        record(tmp_path / "b", "--lr", "1e-3", measures={2: {"frechet": 5.0}}),
    ]
    assert draw_measures([read_run(run) for run in runs]) is not None


def test_losses_are_those_of_the_log(tmp_path):
    losses = [{"G": 3.0, "NCE": math.nan}, {"G": 2.0, "NCE": 5.0}]
    run = read_run(record(tmp_path / "a", "--print_freq", "1", losses=losses))
    assert run.losses() == [Point(0.5, {"G": 3.0}), Point(1.5, {"G": 2.0, "NCE": 5.0})]
    with Image.open(io.BytesIO(draw_losses([run]))) as picture:
        assert picture.format == "PNG"


def test_losses_are_averaged_over_stretches():
    points = [Point(at, {"G": value}) for at, value in ((0.1, 1.0), (0.2, 3.0), (0.3, 8.0), (1.0, 5.0))]
    assert averaged([*points, Point(0.1, {"D": 9.0})], "G", 0.25) == {0.125: 2.0, 0.375: 8.0, 0.875: 5.0}


def test_without_losses_there_is_no_picture(tmp_path):
    assert draw_losses([read_run(record(tmp_path / "a"))]) is None
