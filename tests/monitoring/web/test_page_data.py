"""The data of the page: safe in any page, readable again, and in words that people use."""

import math
from dataclasses import replace

import pytest

from cut.errors import UserError
from cut.monitoring.series import Series
from cut.monitoring.web.page_data import curves_data, evenly, measure_table, moment, read_script, script
from cut.training.evaluation import Evaluation

EVIL = "</script><script>alert('x')</script><!-- & \u2028 \u2029 \ud800 \x00 \""


def test_no_text_can_end_the_script_or_begin_markup(tmp_path):
    written = script({EVIL: [EVIL, {"deep": (EVIL,)}]})
    assert not set(written) & set(b"<>&") and written.isascii() and written.count(b"\n") == 1
    (tmp_path / "data.js").write_bytes(written)
    assert read_script(tmp_path / "data.js") == {EVIL: [EVIL, {"deep": [EVIL]}]}


def test_what_is_not_finite_becomes_null(tmp_path):
    (tmp_path / "data.js").write_bytes(script({"a": [math.nan, {"b": -math.inf}], "c": 1.5}))
    assert read_script(tmp_path / "data.js") == {"a": [None, {"b": None}], "c": 1.5}


@pytest.mark.parametrize("content", [b"", b"alert(1);", b"window.runData = [1];\n", b"window.runData = {", b"\xff\xfe"])
def test_other_files_are_no_data(tmp_path, content):
    (tmp_path / "data.js").write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        read_script(tmp_path / "data.js")
    with pytest.raises(UserError, match="cannot be read"):
        read_script(tmp_path / "missing.js")


def measured(epoch, **more):
    measures = {"frechet": 50.0 + epoch, "kernel": 0.0123, "psnr": 17.25} | more
    counts = {"fake_count": 24, "fake_sizes": "64×64", "real_count": 20, "real_sizes": "64×64", "split": "val"}
    details = counts | {"extractor": "Inception", "seed": 3, "cost_share": 0.05}
    return Evaluation(epoch, epoch * 10, epoch * 10, measures, {"kernel": 0.0004}, details, seconds=2.0)


def test_the_table_has_the_last_and_the_best():
    table = measure_table(measured(10), measured(5), "frechet")
    assert table["lines"] == [
        ["", "last: epoch 10", "best: epoch 5"],
        ["FID\N{NO-BREAK SPACE}↓", "60.00", "55.00"],
        ["KID\N{NO-BREAK SPACE}↓", *["0.01230 ±\N{NO-BREAK SPACE}0.000400"] * 2],
        ["PSNR\N{NO-BREAK SPACE}↑", "17.25", "17.25"],
    ]
    assert table["deciding"] == 1
    assert measure_table(measured(10), measured(5), "psnr")["deciding"] == 3
    told = " ".join(table["notes"])
    assert all(word in told for word in ("FID", "24", "20", "val", "Inception", "seed 3"))
    assert "Epoch 5 is the best because FID decides" in told
    assert told.endswith("The last measurement took 2.0 s, all of them 5.0% of the run's time.")


def test_the_generator_as_trained_stands_below_its_moving_average():
    last = replace(measured(10), unaveraged={"frechet": 70.0})
    assert measure_table(last, measured(5), "frechet")["lines"][-1] == [
        "FID without averaging ↓", "70.00", "–",
    ]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), [(0.047, "0.047 s"), (0.45, "0.45 s"), (9.4, "9.4 s"), (90, "2 min")])
def test_a_short_measurement_took_some_time(seconds, text):
    short = Evaluation(**(vars(measured(5)) | {"seconds": seconds}))
    assert f"The last measurement took {text}," in measure_table(short, None, "frechet")["notes"][-1]


def test_one_column_serves_where_the_last_is_the_best_or_nothing_is():
    assert measure_table(measured(5), measured(5), "frechet")["lines"][0] == ["", "last and best: epoch 5"]
    table = measure_table(measured(5, frechet=math.nan), None, "frechet")
    assert table["lines"][:2] == [["", "last: epoch 5"], ["FID\N{NO-BREAK SPACE}↓", "nan"]]
    assert table["deciding"] is None and not any("best" in note for note in table["notes"])
    assert measure_table(None, None, "frechet") is None


def test_unequal_conditions_are_told_apart():
    best = measured(5)
    other = Evaluation(**(vars(best) | {"details": best.details | {"seed": 4}}))
    notes = measure_table(measured(10), other, "frechet")["notes"]
    assert any(note.startswith("Last:") and "seed 3" in note for note in notes)
    assert any(note.startswith("Best:") and "seed 4" in note for note in notes)


def test_moments_are_epochs():
    assert [moment(images, 40) for images in (0, 40, 50, 3749, 4000)] == [
        "before training", "epoch 1", "epoch 1.25", "epoch 93.7", "epoch 100",
    ]  # fmt: skip


def test_curves_have_six_digits_and_null_where_there_is_no_value():
    series = Series()
    series.add(1 / 3, {"G": 2 / 3, "D": math.nan})
    series.add(1.0, {"D": 1e-9 / 3})
    assert curves_data(series) == {"x": [0.333333, 1.0], "y": {"G": [0.666667, None], "D": [None, 3.33333e-10]}}
    assert curves_data(Series()) == {"x": [], "y": {}}


def test_many_frames_are_thinned_evenly_with_both_ends():
    times = list(range(0, 3000, 100))
    assert evenly(times, 5) == [0, 700, 1400, 2100, 2900]
    assert evenly(times, 30) == times
