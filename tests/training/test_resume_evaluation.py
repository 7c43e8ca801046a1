"""Killed or stopped while it measures, and continued, a run still equals an uninterrupted one, bit for bit."""

import json
import shutil
import signal

import pytest

from tests.evaluation.tiny_run import write_image
from tests.training.tiny_runs import assert_same, logs_of, state_of, without_clock

EPOCHS, IMAGES = 3, 4  # measured, and held out on each side
FIRST = 2 * IMAGES  # what the first measurement reads: the real images too, whose features are then known


@pytest.fixture(scope="module")
def start(new_run, images, tmp_path_factory):
    """`start()`: a run that is to be measured after every epoch, in a folder of its own."""
    data = tmp_path_factory.mktemp("held_out")
    shutil.copytree(images, data, dirs_exist_ok=True)
    for number in range(IMAGES):
        write_image(data / "valA" / f"{number}.png", (40, 36), seed=number)
        write_image(data / "valB" / f"b{number}.png", (40, 36), seed=10 + number)
    options = {"evaluation_epoch_freq": 1, "feature_extractor": "colours", "evaluation_freq": 0, "n_epochs": 2}
    return lambda: new_run(dataroot=data, no_dropout="false", normG="batch", batch_size=2, **options)


@pytest.fixture(scope="module")
def uninterrupted(start):
    run = start()
    assert run.start() == 0, run.said
    return left_by(run)


def left_by(run):
    """Everything that a run saved and logged, without what depends on the clock."""
    best = without_clock(json.loads((run.folder / "best.json").read_text()))
    best["details"] = without_clock(best["details"])
    return state_of(run.folder), best, *logs_of(run.folder)


def test_every_epoch_is_measured_and_the_best_kept(uninterrupted):
    state, best, entries, _ = uninterrupted
    rows = [entry["evaluation"] for entry in entries if "evaluation" in entry]
    assert (
        [row["epoch"] for row in rows]
        == [1, 2, 3]
        == [row["epoch"] for row in state["latest_training_state.pth"]["state"]["evaluations"]]
    )
    assert best == min(rows, key=lambda row: row["measures"]["frechet"])
    assert_same(state["best_net_G.pth"], state[f"{best['epoch']}_net_G.pth"])


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("held-out image", 2),  # among the real images, before there is a best
        ("held-out image", FIRST + 2),  # among the translations after the second epoch
        ("held-out image", FIRST + 2 * IMAGES),  # the last image of all
        ("save", 4),  # measured and not saved
        ("step", 6),  # the first step after a measurement
    ],
)
def test_killed_while_it_measures(call, count, start, uninterrupted):
    run = start()
    assert run.start(at={"call": call, "count": count}, signal=signal.SIGKILL) == -signal.SIGKILL, run.said
    assert run.resume() == 0, run.said
    assert_same(left_by(run), uninterrupted)


@pytest.mark.parametrize(
    ("number", "status", "count"),
    [
        (signal.SIGTERM, 143, 2),
        (signal.SIGINT, 130, FIRST + 2),
        (signal.SIGTERM, 143, FIRST + IMAGES + 2),  # after the last epoch: the run is complete but for this
    ],
)
def test_asked_to_stop_while_it_measures(number, status, count, start, uninterrupted):
    """The epoch is saved without its measurement, which the continued run makes before it trains on."""
    run = start()
    assert run.start(at={"call": "held-out image", "count": count}, signal=number) == status, run.said
    epoch = 1 + max(0, count - FIRST + IMAGES - 1) // IMAGES
    assert f"Epoch {epoch}: " not in run.said and f"{epoch}_net_G.pth" in state_of(run.folder)
    assert run.resume() == 0, run.said
    assert f"Epoch {epoch}: " in run.said
    assert_same(left_by(run), uninterrupted)
