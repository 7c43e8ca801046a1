"""Several processes that train one model together, as torchrun starts them: with real processes, on a CPU."""

import json
import shutil
import signal

import pytest
import torch

from tests.evaluation.tiny_run import write_image
from tests.training.tiny_runs import logs_of, state_of

OPTIONS = {
    "batch_size": 2, "normG": "group", "normD": "group", "ema_decay": 0.9, "save_latest_freq": 2, "n_epochs": 3,
    "n_epochs_decay": 2, "seed": 2,
}  # fmt: skip
"""With other seeds an activation may be within rounding of a kink of ReLU, and Adam enlarges what follows from it. That
nothing but rounding differs is tested in float64, in tests/processes."""


@pytest.fixture(scope="module")
def alone(new_run):
    """What one process makes of it; five epochs of two steps."""
    run = new_run(**OPTIONS)
    assert run.start() == 0, run.said
    return state_of(run.folder), logs_of(run.folder)


def assert_close(one, other, where=""):
    """Equal but for the rounding of sums."""
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6, msg=lambda text: f"{where}: {text}")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_close(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_close(*pair, f"{where}/{index}")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-6), where  # logs have a few digits
    else:
        assert one == other, where


def test_two_processes_train_as_one(new_run, alone):
    run = new_run(**OPTIONS)
    assert run.start(processes=2) == 0, run.said_by_all
    assert run.statuses == [0, 0] and run.said_by_all[1] == ""
    assert "Computing in 2 processes, on CPUs." in run.said
    assert_close(state_of(run.folder), alone[0])
    assert_close(logs_of(run.folder)[0], alone[1][0])


@pytest.mark.parametrize("method", ["distance_gan", "pix2pix"])
def test_so_do_methods_that_measure_first_or_draw_inside_networks(method, new_run, eight_images, images):
    data = eight_images if method == "distance_gan" else images
    options = OPTIONS | {"n_epochs": 1, "n_epochs_decay": 1, "dataroot": data, "n_layers_D": 1}
    one, two = (new_run(method, **options) for _ in range(2))
    assert one.start() == 0 and two.start(processes=2) == 0, two.said_by_all
    assert_close(logs_of(two.folder)[0], logs_of(one.folder)[0])  # after two epochs Adam has enlarged some rounding
    assert ("Distances in 3 batches" in two.said) == (method == "distance_gan")  # METHODS takes so many


@pytest.fixture(scope="module")
def measured(new_run, images, tmp_path_factory):
    """`measured()`: a run with batch norm that shows pictures and translates three held-out images after each epoch."""
    data = tmp_path_factory.mktemp("held_out")
    shutil.copytree(images, data, dirs_exist_ok=True)
    for number in range(3):  # two processes cannot share them equally
        for side in "AB":
            write_image(data / f"val{side}" / f"{number}.png", (40, 36), seed=10 * (side == "B") + number)
    options = {"evaluation_epoch_freq": 1, "feature_extractor": "colours", "normG": "batch", "normD": "batch"}
    return lambda: new_run(**OPTIONS | options | {"dataroot": data, "no_html": "false", "update_html_freq": 1})


def evaluations_of(run) -> list[dict]:
    entries = map(json.loads, (run.folder / "metrics.jsonl").read_text().splitlines())
    return [entry["evaluation"]["measures"] for entry in entries if "evaluation" in entry]


def test_what_is_translated_outside_of_steps_is_by_each_process_alone(measured):
    """Batch norm sees the batch of all in a step, and one image where one is translated."""
    one, two = measured(), measured()
    assert one.start() == 0, one.said
    assert two.start(processes=2) == 0, two.said_by_all
    assert len(evaluations_of(one)) == 5
    assert_close(evaluations_of(two), evaluations_of(one))
    assert list(two.folder.glob("web/images/*.png")) or list(two.folder.glob("previews/*"))


@pytest.mark.parametrize("of", [0, 1])
def test_a_request_to_stop_while_it_measures_reaches_all(measured, of):
    run = measured()
    run.start(processes=2, of=of, at={"call": "held-out image", "count": 6}, signal=int(signal.SIGTERM))
    assert run.statuses == [143, 143], run.said_by_all
    assert "Stopped and saved" in run.said


def test_a_measurement_that_fails_in_one_fails_in_all_and_they_train_on(measured):
    run = measured()
    run.start(processes=2, of=1, at={"call": "held-out image", "count": 1}, error="no more")
    assert run.statuses == [0, 0], run.said_by_all
    assert "no more" in run.said and len(evaluations_of(run)) == 4


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("drit", "DRIT trains on two images a step, which"),
        ("simdcl", "2 processes cannot share a batch of"),
    ],
)
def test_what_cannot_be_shared_is_said_once(method, said, new_run):
    run = new_run(method)
    run.start(processes=2)
    assert run.statuses == [2, 2] and run.said.startswith(said) and run.said.count("\n") == 1
    assert run.said_by_all[1] == "" and not run.folder.exists()


@pytest.mark.parametrize(("of", "call", "count"), [(1, "step", 4), (1, "update", 6), (1, "epoch end", 3)])
def test_after_a_kill_the_first_saves_and_another_number_of_processes_goes_on(new_run, alone, of, call, count):
    run = new_run(**OPTIONS)
    run.start(processes=2, of=of, at={"call": call, "count": count}, signal=9)
    assert run.statuses == [1, -9]
    assert "another process of this run has ended. The run is saved there" in run.said
    assert "Traceback" not in "".join(run.said_by_all)
    assert run.resume() == 0, run.said
    assert_close(state_of(run.folder), alone[0])


def test_when_the_first_is_killed_the_last_save_is_good(new_run, alone):
    run = new_run(**OPTIONS)
    run.start(processes=2, of=0, at={"call": "step", "count": 4}, signal=9)
    assert run.statuses == [-9, 1]
    assert run.resume(processes=2) == 0, run.said
    assert_close(state_of(run.folder), alone[0])


@pytest.mark.parametrize("of", [0, 1])
def test_a_request_to_stop_reaches_all_at_the_same_step(new_run, alone, of):
    run = new_run(**OPTIONS)
    run.start(processes=2, of=of, at={"call": "step", "count": 3}, signal=int(signal.SIGTERM))
    assert run.statuses == [143, 143], run.said_by_all
    assert "Stopped and saved at epoch 2, image 2 of it (step 3)" in run.said
    assert run.resume() == 0, run.said
    assert_close(state_of(run.folder), alone[0])


def test_a_failure_of_one_is_said_by_it_and_saved_by_the_first(new_run):
    run = new_run(**OPTIONS)
    run.start(processes=2, of=1, at={"call": "step", "count": 3}, error="no more")
    assert run.statuses == [1, 1]
    assert "ValueError: no more." in run.said_by_all[1] and "process 1 of 2" in run.said_by_all[1]
    assert "The run is saved there" in run.said


def test_what_is_wrong_is_said_once(new_run):
    run = new_run(**OPTIONS | {"batch_size": 3})
    run.start(processes=2)
    assert run.statuses == [2, 2]
    assert run.said.startswith("2 processes cannot share a batch of --batch_size 3") and run.said.count("\n") == 1
    assert run.said_by_all[1] == "" and not run.folder.exists()


def test_a_process_without_data_is_named(new_run, tmp_path):
    run = new_run(**OPTIONS | {"dataroot": tmp_path})
    run.start(processes=2)
    assert run.statuses == [2, 2] and "trainA" in run.said and run.said_by_all[1] == ""
