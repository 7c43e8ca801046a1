"""Training ends early in the same place in one process, in two, and after a stop in the middle of an epoch."""

import shutil
import signal

import pytest

from tests.evaluation.tiny_run import write_image
from tests.training.tiny_runs import assert_same, logs_of, state_of

ENDS = "Training ends early, after epoch 3: 2 epochs brought no better FD (Colours) than"


@pytest.fixture(scope="module")
def start(new_run, images, tmp_path_factory):
    """`start()`: a run of six epochs of two steps, so slow that no epoch is better than the first."""
    data = tmp_path_factory.mktemp("held_out")
    shutil.copytree(images, data, dirs_exist_ok=True)
    for number in range(4):
        write_image(data / "valA" / f"{number}.png", (40, 36), seed=number)
        write_image(data / "valB" / f"b{number}.png", (40, 36), seed=10 + number)
    measured = {"evaluation_epoch_freq": 1, "feature_extractor": "colours", "early_stopping": 2, "evaluation_freq": 0}
    slow = {"lr": 1e-12, "n_epochs": 6, "n_epochs_decay": 0, "batch_size": 2, "save_latest_freq": 2}
    return lambda: new_run(dataroot=data, normG="group", normD="group", **measured, **slow)


@pytest.fixture(scope="module")
def uninterrupted(start):
    run = start()
    assert run.start() == 0, run.said
    assert ENDS in run.said
    return state_of(run.folder), *logs_of(run.folder)


def ended(run) -> tuple[int, list[int]]:
    """The epoch in which it would go on, and the epochs that were measured."""
    state = state_of(run.folder)["latest_training_state.pth"]["state"]
    return state["epoch"], [row["epoch"] for row in state["evaluations"]]


@pytest.mark.parametrize(
    ("number", "count"),
    [
        (signal.SIGKILL, 6),  # before the second step of the third epoch
        (signal.SIGTERM, 6),
        (signal.SIGKILL, 4),  # in the second
    ],
)
def test_after_a_stop_within_an_epoch(number, count, start, uninterrupted):
    run = start()
    stopped = run.start(at={"call": "step", "count": count}, signal=int(number))
    assert stopped == (-9 if number == signal.SIGKILL else 143), run.said
    assert ENDS not in run.said
    assert run.resume() == 0 and ENDS in run.said, run.said
    assert_same((state_of(run.folder), *logs_of(run.folder)), uninterrupted)
    assert run.resume() == 0 and ended(run) == (4, [1, 2, 3])  # nothing is left to do


def test_two_processes_end_together(start):
    run = start()
    assert run.start(processes=2) == 0, run.said_by_all
    assert run.statuses == [0, 0] and ENDS in run.said and run.said_by_all[1] == ""
    assert ended(run) == (4, [1, 2, 3])


@pytest.mark.parametrize("then", [{}, {"processes": 2}])
def test_two_processes_that_were_stopped_within_an_epoch(then, start):
    run = start()
    run.start(processes=2, of=1, at={"call": "step", "count": 6}, signal=int(signal.SIGTERM))
    assert run.statuses == [143, 143] and ENDS not in run.said, run.said_by_all
    assert run.resume(**then) == 0 and ENDS in run.said, run.said_by_all
    assert ended(run) == (4, [1, 2, 3])
