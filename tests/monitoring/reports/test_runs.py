"""Reading back what a run logged, whole, unfinished, continued or damaged."""

import math

import pytest

from cut.errors import UserError
from cut.monitoring.reports.runs import measured, read_run
from cut.training.evaluation_table import Column
from cut.training.listener import EpochEvent, Progress
from tests.monitoring.recorded_runs import STEPS, at, record, start

FID = Column("frechet", "FID")


def test_best_and_last_are_those_of_the_log(tmp_path):
    measures = {1: {"frechet": 90.0, "kernel": 0.2, "psnr": 9.0}, 2: {"frechet": 80.0, "kernel": 0.3, "psnr": 8.0},
                4: {"frechet": 85.0, "kernel": 0.1, "psnr": 7.0}}  # fmt: skip
    run = read_run(record(tmp_path / "run", measures=measures, best=[1, 2]))
    assert [measure.label for measure in measured([run])] == ["FID", "KID", "PSNR"]
    found = {measure.name: (run.best(measure).epoch, run.last(measure).epoch) for measure in measured([run])}
    assert found == {"frechet": (2, 4), "kernel": (4, 4), "psnr": (2, 4)}, "PSNR is that of the epoch that was kept"
    assert run.finished and (run.epochs, run.planned, run.device) == (4, 4, "CPU")
    assert run.record.peak_memory_bytes == 2**31 and run.record.starts[-1].parameters["G"] == 11_378_179


def test_what_was_not_finite_is_never_the_best(tmp_path):
    run = read_run(record(tmp_path / "run", measures={1: {"frechet": 90.0}, 2: {"frechet": math.nan}}, best=[1]))
    assert run.best(FID).epoch == 1 and math.isnan(run.last(FID).measures["frechet"])


def test_a_run_that_has_just_begun(tmp_path):
    log = start(tmp_path / "run")
    log.finish(at(1, 0))
    run = read_run(tmp_path / "run")
    assert not run.finished and run.epochs == 0 and run.record.best is None
    assert run.seconds_per_iteration is None and run.record.peak_memory_bytes is None and run.best(FID) is None


def test_seconds_per_iteration_is_the_median_of_the_epochs(tmp_path):
    run = read_run(record(tmp_path / "run", seconds=[80.0, 8.0, 16.0]))  # the first one warmed up
    assert run.seconds_per_iteration == 16 / STEPS and not run.finished


def test_an_epoch_that_was_continued_counts_from_there(tmp_path):
    """After three of eight steps: the logged seconds are those of the other five."""
    record(tmp_path / "run", seconds=[8.0])
    log = start(tmp_path / "run", progress=at(2, 3), device="Tesla P100")
    log.after_epoch(EpochEvent(at(2), 10.0, 2e-4))
    log.finish(at(2))
    run = read_run(tmp_path / "run")
    assert run.seconds_per_iteration == (8.0 / 8 + 10.0 / 5) / 2
    assert run.device == "CPU, Tesla P100" and run.record.peak_memory_bytes == 2**31


def test_a_batch_counts_as_one_iteration(tmp_path):
    log = start(tmp_path / "run", "--batch_size", "4")
    log.after_epoch(EpochEvent(Progress(1, 8, 8, 2, 4, 8), 6.0, 2e-4))
    log.finish(at(1))
    assert read_run(tmp_path / "run").seconds_per_iteration == 3.0


def test_options_newer_than_the_run_have_their_defaults(tmp_path):
    file = record(tmp_path / "run", "--ngf", "8") / "options.yaml"
    lines = [line for line in file.read_text().splitlines(True) if not line.startswith(("focal_", "nce_loss"))]
    file.write_text("".join(lines))
    options = read_run(tmp_path / "run").options
    assert options["nce_loss"] == "ce" and options["ngf"] == 8


def test_a_torn_last_line_is_left_out(tmp_path):
    file = record(tmp_path / "run") / "metrics.jsonl"
    file.write_text(file.read_text() + '{"epoch": 5, "finished_ep')
    assert read_run(tmp_path / "run").epochs == 4


def test_an_odd_line_costs_a_report_that_line_only(tmp_path):
    file = record(tmp_path / "run") / "metrics.jsonl"
    before = read_run(tmp_path / "run").record.epochs
    odd = [
        '{"run": {}, "step": 0}',
        '{"evaluation": {"epoch": "x"}}',
        '{"finished_epoch": {"seconds": "x"}, "step": 9}',
    ]
    file.write_text("\n".join([*odd, file.read_text()]))
    assert read_run(tmp_path / "run").record.epochs == before


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("metrics.jsonl", None, "has no metrics.jsonl.*stopped before its first step"),
        ("metrics.jsonl", "", "metrics.jsonl is not the log of a run: it has no entry"),
        ("metrics.jsonl", "\0\xff garbage\n", "metrics.jsonl is not the log of a run"),
        ("metrics.jsonl", '{"run": {"device": "CPU"}, "step": 0}\n', "an entry lacks 'parameters'"),
        ("metrics.jsonl", '{"run": 3, "step": 0}\n', "metrics.jsonl is not the log of a run"),
        ("options.yaml", None, r"no run in .*run.*it has no options.yaml"),
        ("options.yaml", "", "options.yaml does not hold the options of a run"),
        ("options.yaml", "{", "options.yaml is not valid YAML"),
        ("options.yaml", "n_epochs: many", "n_epochs in .*options.yaml is 'many' but must be a whole number"),
    ],
)
def test_a_damaged_run_is_one_sentence(tmp_path, name, content, sentence):
    file = record(tmp_path / "run") / name
    file.unlink() if content is None else file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=sentence) as caught:
        read_run(tmp_path / "run")
    assert len(caught.value.problems) == 1


def test_a_misspelt_run_is_told_its_neighbour(tmp_path):
    record(tmp_path / "maps_CUT")
    with pytest.raises(UserError, match=r"did you mean maps_CUT\?"):
        read_run(tmp_path / "map_CUT")
