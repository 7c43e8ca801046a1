"""The curves of several runs: which points they have."""

import io
import math

import pytest
from PIL import Image

from cut.monitoring.reports.picture import draw_measures, mean_of, values_of
from cut.monitoring.reports.runs import read_run
from tests.monitoring.recorded_runs import record


def test_a_curve_has_the_finite_values_by_epoch(tmp_path):
    measures = {1: {"FID": 30.0}, 2: {"FID": math.nan}, 4: {"FID": 10.0, "KID": 0.5}}
    run = read_run(record(tmp_path / "a", measures=measures))
    assert values_of(run, "FID") == {1: 30.0, 4: 10.0} and values_of(run, "KID") == {4: 0.5}


def test_the_mean_is_over_the_epochs_that_all_seeds_have():
    assert mean_of([{1: 2.0, 2: 4.0, 3: 9.0}, {3: 1.0, 2: 6.0}]) == {2: 5.0, 3: 5.0}
    assert mean_of([{5: 1.0}]) == {5: 1.0}


def test_a_picture_of_all_measures(tmp_path):
    measures = {epoch: {"FID": 10.0 * epoch, "KID": 0.1, "PSNR": 17.0} for epoch in (2, 4)}
    seeds = [read_run(record(tmp_path / f"a{seed}", "--seed", str(seed), measures=measures)) for seed in (0, 1)]
    other = read_run(record(tmp_path / "b", "--CUT_mode", "FastCUT", measures=measures))
    with Image.open(io.BytesIO(draw_measures([*seeds, other]))) as picture:
        assert picture.format == "PNG" and min(picture.size) > 400


def test_without_measures_there_is_no_picture(tmp_path):
    assert draw_measures([read_run(record(tmp_path / "a"))]) is None


@pytest.mark.parametrize("values", [{}, {1: {"FID": math.nan}}])
def test_a_run_without_finite_values_does_not_stop_the_others(tmp_path, values):
    runs = [record(tmp_path / "a", measures=values), record(tmp_path / "b", "--lr", "1e-3", measures={2: {"FID": 5.0}})]
    assert draw_measures([read_run(run) for run in runs]) is not None
