"""The record of a run: what is in it while the run trains, when it continues, and when it is read back."""

import pytest

from cut.monitoring.log_files import MetricsLog
from cut.monitoring.record import FinishedEpoch, Record, Start
from cut.training.evaluation import Evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, RunFacts
from tests.monitoring.miniature import progress_at, step_event, train

FACTS = RunFacts(("train.py",), "CPU", {"G": 3})


def measured(epoch: int, **measures: float) -> Evaluation:
    return Evaluation(epoch, 10 * epoch, 10 * epoch, measures, {"kernel": 0.5}, {"extractor": "Inception"})


def series(record: Record) -> list:
    return [one.points() for one in (record.losses, record.rates, record.measures, record.spread)]


def test_it_holds_what_is_due(make_options):
    record = Record()
    train(record, make_options("--print_freq", "4"), range(1, 11))
    assert [(point.epochs, point.values["NCE"]) for point in record.losses.points()] == [(0.4, 0.5), (0.8, 1.0)]
    rates = {"learning rate": 2e-4, "images per second": 1.6}
    assert [point.values for point in record.rates.points()] == [rates] * 2
    assert record.epochs == [FinishedEpoch(1, 10, 5.0, None)] and record.peak_memory_bytes is None


def test_the_best_is_what_the_run_decided(make_options):
    record, first, second = Record(), measured(1, frechet=50.0), measured(2, frechet=60.0)
    record.start(make_options(), progress_at(10), RunFacts(evaluations=(first,), best_metric="frechet"))
    assert record.last == record.best == first
    record.after_evaluation(EvaluationEvent(progress_at(20), second, first, "frechet"))
    assert record.last == second and record.best == first and record.evaluations == [first, second]
    assert [(point.epochs, point.values) for point in record.measures.points()] == [(1, {"FID": 50}), (2, {"FID": 60})]


def test_a_continued_run_takes_up_what_was_logged_before_its_save(make_options):
    options = make_options("--print_freq", "1")
    whole = Record()
    for one in (MetricsLog(), whole):
        train(one, options, range(1, 25))  # killed at 24 images, saved at 15
    again = Record()
    train(again, options, range(16, 25), resumed_at=15)
    assert series(again) == series(whole) and again.epochs == whole.epochs and len(again.starts) == 2
    anew = Record()
    train(anew, options, range(0))
    assert anew.losses.points() == () and anew.epochs == []


@pytest.mark.parametrize(
    "damaged",
    [
        '{"losses": 3, "images": 1}',
        '{"losses": {"G": 1}}',
        '{"run": 3}',
        "{",
        "[" * 5000,
        "[1]",
        "NaN",
        '{"images": "x"}',
    ]
    + [
        '{"images": 1, "step": 1, "epoch": 1, "epoch_images": 1, "losses": {"G": "low"}}',
        '{"evaluation": {"epoch": 1}}',
    ]
    + ['{"images": 2, "epoch": true}', '{"images": null}', '{"finished_epoch": {}, "step": 0, "images": 1}']
    + ['{"images": 1, "losses": {}, "learning_rate": [1]}', '{"images": ' + "9" * 5000 + "}"],
)
def test_a_damaged_entry_costs_a_continued_run_that_entry_only(make_options, damaged):
    options = make_options("--print_freq", "1")
    train(MetricsLog(), options, range(1, 4))
    with (options.run.folder / "metrics.jsonl").open("a") as file:
        file.write(damaged + "\n")
    record = Record()
    for one in (MetricsLog(), record):
        train(one, options, range(4, 6), resumed_at=3)
    assert [point.epochs for point in record.losses.points()] == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_what_is_read_back_is_what_was_told(make_options):
    options, record = make_options("--print_freq", "1"), Record()
    best = measured(1, frechet=50.0, kernel=0.01)
    for one in (MetricsLog(), record):
        one.start(options, progress_at(0), FACTS)
        one.after_step(step_event(10))
        one.after_epoch(EpochEvent(progress_at(10), 5.0, 2e-4, 2**31))
        one.after_evaluation(EvaluationEvent(progress_at(10), best, best, "frechet"))
        one.after_evaluation(EvaluationEvent(progress_at(20), measured(2, frechet=60.0), best, "frechet"))
    read = Record.from_file(options.run.folder / "metrics.jsonl")
    assert read.starts == record.starts == [Start(0, "CPU", {"G": 3})] and read.epochs == record.epochs
    assert read.evaluations == record.evaluations and read.best == record.best == best
    assert series(read)[2:] == series(record)[2:] and read.peak_memory_bytes == 2**31
