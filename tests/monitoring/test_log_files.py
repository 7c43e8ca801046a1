"""The two logs: their form, and that a continued run leaves no line twice."""

import json
import math
from datetime import UTC, datetime

import pytest

from cut.monitoring.log_files import LossLog, MetricsLog, read_metrics
from cut.training.listener import RunFacts
from tests.monitoring.miniature import progress_at, step_event, train


def lines_of(options, name: str = "loss_log.txt") -> list[str]:
    return (options.run.folder / name).read_text().splitlines()


def test_loss_log_has_the_published_form(make_options):
    options = make_options("--print_freq", "4")
    train(LossLog(), options, range(1, 13))
    header, *lines = lines_of(options)
    assert header.startswith("================ Training Loss (") and header.endswith(") ================")
    assert lines[-1] == "(epoch: 2, iters: 2, time: 0.500, data: 0.125) G_GAN: 0.250 NCE: 1.500 "
    assert len(lines) == 3


def test_metrics_hold_one_object_per_logged_step(make_options):
    options = make_options("--print_freq", "4")
    train(MetricsLog(), options, range(1, 13))
    entries = list(read_metrics(options.run.folder / "metrics.jsonl"))
    time = datetime.fromisoformat(entries[-1].pop("time"))
    assert time.tzinfo is not None and abs((datetime.now(UTC) - time).total_seconds()) < 60
    assert [entry["images"] for entry in entries] == [4, 8, 12]
    assert entries[-1] == {
        "epoch": 2,
        "epoch_images": 2,
        "images": 12,
        "step": 12,
        "losses": {"G_GAN": 0.25, "NCE": 1.5},
        "learning_rate": 2e-4,
        "seconds_per_image": 0.5,
        "data_seconds_per_image": 0.125,
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metrics_are_strict_json(make_options, value):
    options = make_options("--print_freq", "1")
    log = MetricsLog()
    log.start(options, progress_at(0), RunFacts())
    log.after_step(step_event(1, losses={"G": value, "NCE": 1.0}))
    _, line = lines_of(options, "metrics.jsonl")
    assert json.loads(line)["losses"] == {"G": None, "NCE": 1.0}
    assert "NaN" not in line and "Infinity" not in line


def test_a_continued_run_drops_what_was_logged_after_the_save(make_options):
    options = make_options("--print_freq", "2")
    for log in (LossLog(), MetricsLog()):
        train(log, options, range(1, 19))  # killed at 18 images, saved at 14
        train(log, options, range(15, 21), resumed_at=14)
    assert [entry["images"] for entry in read_metrics(options.run.folder / "metrics.jsonl")] == list(range(2, 21, 2))
    steps = [line for line in lines_of(options) if line.startswith("(")]
    assert [line.split(",")[:2] for line in steps] == [
        [f"(epoch: {(images - 1) // 10 + 1}", f" iters: {(images - 1) % 10 + 1}"] for images in range(2, 21, 2)
    ]
    assert lines_of(options)[8].startswith("================ Training Loss (")
    assert "continued at epoch 2" in lines_of(options)[8]


@pytest.mark.parametrize("resumed_at", [0, 4])
def test_a_torn_last_line_is_tolerated(make_options, resumed_at):
    options = make_options("--print_freq", "2")
    torn_lines = [(LossLog(), "loss_log.txt", "(epoch: 1, it"), (MetricsLog(), "metrics.jsonl", '{"epoch": 1')]
    for log, name, torn in torn_lines:
        train(log, options, range(1, 5))
        with (options.run.folder / name).open("a") as file:
            file.write(torn)
        if name == "metrics.jsonl":
            assert len(list(read_metrics(options.run.folder / name))) == 2
        train(log, options, range(resumed_at + 1, 7), resumed_at=resumed_at)
        assert torn not in lines_of(options, name)
    assert [entry["images"] for entry in read_metrics(options.run.folder / "metrics.jsonl")] == [2, 4, 6]


def test_a_start_that_never_saved_is_not_mixed_with_the_next(make_options):
    options = make_options("--print_freq", "10")
    for log in (LossLog(), MetricsLog()):
        train(log, options, range(1, 41))
        train(log, options, range(1, 21))  # anew under the same name, killed at 20 images, saved at 15
        train(log, options, range(16, 21), resumed_at=15)
    epochs = [int(line[8:].split(",")[0]) for line in lines_of(options) if line.startswith("(")]
    assert epochs == [1, 2, 3, 4, 1, 2]
    assert [entry["images"] for entry in read_metrics(options.run.folder / "metrics.jsonl")] == [10, 20]


def test_no_metrics_is_no_error(tmp_path):
    assert list(read_metrics(tmp_path / "metrics.jsonl")) == []
