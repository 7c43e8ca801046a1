"""Killed and continued equals uninterrupted, bit for bit: with real processes and real kills, on a CPU."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from tests.training.tiny_runs import ENVIRONMENT, ROOT, assert_same, logs_of, state_of

VARIANTS = {
    "cut": {},
    "workers": {"num_threads": 2},
    "dropout": {"no_dropout": "false", "gan_mode": "wgangp"},
    "fastcut": {"CUT_mode": "FastCUT", "batch_size": 2, "num_threads": 1, "save_latest_freq": 3, "n_epochs": 3},
    "plateau": {
        "lr_policy": "plateau", "lr": 1e-9, "batch_size": 2, "max_dataset_size": 3, "n_epochs": 11, "no_flip": True,
        "normG": "batch", "normD": "batch", "save_epoch_freq": 4,
    },
    "average": {
        "ema_decay": 0.9, "lambda_R1": 1, "R1_every": 2, "spectral_norm": True, "normD": "none", "normG": "group",
        "diffaugment": "color,translation,cutout",
    },
    "cyclegan": {
        "model": "cycle_gan", "pool_size": 2, "n_epochs": 2, "netF_nc": None, "num_patches": None, "nce_layers": None,
    },
    "dcl": {"model": "dcl", "pool_size": 2, "ema_decay": 0.9},
    "pairs": {
        "model": "pix2pix", "num_threads": 2, "n_epochs": 2, "netF_nc": None, "num_patches": None, "nce_layers": None,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(new_run):
    """What a variant saves and logs when nothing disturbs it; each is run once."""
    finished = {}

    def result(variant: str):
        if variant not in finished:
            run = new_run(**VARIANTS[variant])
            assert run.start() == 0, run.said
            finished[variant] = (state_of(run.folder), *logs_of(run.folder))
        return finished[variant]

    return result


def assert_finished_as(run, expected):
    assert run.resume() == 0, run.said
    assert_same(expected[0], state_of(run.folder))
    entries, lines = logs_of(run.folder)
    assert entries == expected[1] and lines == expected[2]
    assert not list(run.folder.glob("*.staged")) and not (run.folder / "commit.json").exists()


@pytest.mark.parametrize(
    ("variant", "call", "count"),
    [
        ("cut", "step", 3),  # just after a save
        ("cut", "step", 6),  # the first step of an epoch
        ("cut", "epoch end", 2),  # the last steps done, the end of the epoch not
        ("workers", "step", 5),  # a step that is in no save
        ("dropout", "step", 8),
        ("fastcut", "step", 4),
        ("plateau", "step", 9),
        ("cyclegan", "step", 6),  # the pools of two have exchanged images
        ("cyclegan", "step", 9),
        ("dcl", "step", 5),  # in the second epoch, at half the rates
        ("average", "step", 5),
        ("pairs", "step", 6),
    ],
)
def test_killed_at_a_step(variant, call, count, new_run, uninterrupted):
    expected = uninterrupted(variant)
    run = new_run(**VARIANTS[variant])
    assert run.start(at={"call": call, "count": count}, signal=signal.SIGKILL) == -signal.SIGKILL
    assert_finished_as(run, expected)


@pytest.mark.parametrize(
    ("count", "committed"),
    [(6, False), (7, True), (9, True), (14, True)],  # a save renames its journal and 4 files, or 7 at an epoch's end
)
def test_killed_between_the_files_of_a_save(count, committed, new_run, uninterrupted):
    run = new_run()
    assert run.start(at={"call": "rename", "count": count}, signal=signal.SIGKILL) == -signal.SIGKILL
    assert (run.folder / "commit.json").exists() == committed and list(run.folder.glob("*.pth.staged"))
    assert_finished_as(run, uninterrupted("cut"))


def test_killed_again_and_again(new_run, uninterrupted):
    """Also while a continued run tidies up after the kill before it."""
    run = new_run(**VARIANTS["workers"])
    kill = {"signal": signal.SIGKILL}
    assert run.start(at={"call": "rename", "count": 7}, **kill) == -signal.SIGKILL
    for call, count in [("rename", 2), ("step", 4), ("remove", 1), ("step", 2), ("commit", 2)]:
        assert run.resume(at={"call": call, "count": count}, **kill) == -signal.SIGKILL, run.said
    assert_finished_as(run, uninterrupted("workers"))


def test_killed_before_the_first_save(new_run, uninterrupted):
    run = new_run()
    assert run.start(at={"call": "rename", "count": 1}, signal=signal.SIGKILL) == -signal.SIGKILL
    assert run.resume() == 2 and "stopped before its first save, so start it again without" in run.said
    assert run.start() == 0, run.said
    assert_same(uninterrupted("cut")[0], state_of(run.folder))


@pytest.mark.parametrize(
    ("number", "status", "variant", "call", "count"),
    [
        (signal.SIGTERM, 143, "cut", "step", 3),
        (signal.SIGINT, 130, "workers", "step", 5),  # the last step of an epoch
        (signal.SIGTERM, 143, "fastcut", "save", 2),  # while saving
        (signal.SIGHUP, 129, "workers", "step", 3),
        (signal.SIGINT, 130, "cut", "step", 10),  # the last step of all
    ],
)
def test_asked_to_stop(number, status, variant, call, count, new_run, uninterrupted):
    run = new_run(**VARIANTS[variant])
    assert run.start(at={"call": call, "count": count}, signal=number) == status, run.said
    assert "Stopped and saved at epoch" in run.said and "--continue_train goes on" in run.said
    assert_finished_as(run, uninterrupted(variant))


@pytest.mark.parametrize(
    ("variant", "call", "count"),
    [
        ("cut", "step", 4),  # between two steps
        ("cut", "update", 6),  # D is updated, G is not
        ("cut", "epoch end", 1),
        ("plateau", "update", 4),  # with the statistics of batch norm
        ("cyclegan", "update", 16),  # both generators are updated, and the pools have exchanged images
    ],
)
def test_an_unexpected_error_saves_first(variant, call, count, new_run, uninterrupted):
    run = new_run(**VARIANTS[variant] | {"save_latest_freq": 0})
    assert run.start(at={"call": call, "count": count}, error="an odd\nend") == 1, run.said
    assert "Traceback" not in run.said
    assert re.search(r"Training stopped at epoch \d+, image \d+ .*: ValueError: an odd\. ", run.said), run.said
    assert "The run is saved there; the same command with --continue_train goes on." in run.said
    assert ("The files of that step were " in run.said) == (call == "update")
    assert 'raise ValueError(job["error"])' in (run.folder / "failure.txt").read_text()
    expected = uninterrupted(variant)
    if variant == "cyclegan":
        assert len(torch.load(run.folder / "latest_training_state.pth", weights_only=True)["extra"]["pool_B"]) == 2
    assert run.resume("--save_latest_freq", "2") == 0, run.said
    assert_same(expected[0], state_of(run.folder))


def test_an_image_that_turns_bad_stops_the_run_after_a_save(new_run, uninterrupted, images, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(images, data)
    spoilt = data / "trainA" / "3.png"
    run = new_run(dataroot=data, **VARIANTS["workers"] | {"save_latest_freq": 0})
    assert run.start(at={"call": "step", "count": 2}, spoil=str(spoilt)) == 1, run.said
    assert f"{spoilt} is not an image that can be read" in run.said and "The run is saved there" in run.said
    assert (run.folder / "latest_training_state.pth").exists() and not (run.folder / "failure.txt").exists()
    shutil.copy(images / "trainA" / "3.png", spoilt)
    assert run.resume() == 0, run.said
    assert_same(uninterrupted("workers")[0], state_of(run.folder))


def test_a_loading_process_that_is_killed_is_replaced(new_run, uninterrupted):
    run = new_run(**VARIANTS["workers"])
    assert run.start(at={"call": "step", "count": 2}, lose=True) == 0, run.said
    assert_same(uninterrupted("workers")[0], state_of(run.folder))


def test_a_folder_that_is_removed_comes_back(new_run, uninterrupted):
    run = new_run(no_html=None, evaluation_freq=2, display_freq=1, update_html_freq=1)
    assert run.start(at={"call": "step", "count": 4}, remove=str(run.folder)) == 0, run.said
    assert run.said.count("was removed while training") == 1 and "off for the rest" not in run.said
    assert_same(uninterrupted("cut")[0], state_of(run.folder))
    assert (run.folder / "web" / "index.html").exists() and (run.folder / "loss_log.txt").exists()


def test_an_error_in_the_first_step_leaves_no_run_behind(new_run, uninterrupted):
    run = new_run()
    assert run.start(at={"call": "update", "count": 1}, error="odd") == 1
    assert "No step was trained, so nothing was saved." in run.said
    assert run.start() == 0, run.said
    assert_same(uninterrupted("cut")[0], state_of(run.folder))


def test_plateau_does_fall(uninterrupted):
    rates = [entry["learning_rate"] for entry in uninterrupted("plateau")[1] if "losses" in entry]
    assert rates[-1] < rates[0]


def test_the_script_itself_with_ctrl_c_and_kill_from_outside(new_run, uninterrupted):
    """`python train.py` in a terminal: Ctrl-C reaches the workers too, and after a kill they bar nobody's way."""
    run = new_run(**VARIANTS["workers"])
    script = [sys.executable, "train.py"]
    assert interrupted_after("after 2 images", script + run.words, os.killpg, signal.SIGINT) == 130
    resume = [*script, *run.place, "--continue_train"]
    assert interrupted_after("after 6 images", resume, os.kill, signal.SIGKILL) == -signal.SIGKILL
    assert_finished_as(run, uninterrupted("workers"))


def interrupted_after(line: str, command: list[str], send, number: int) -> int:
    """The exit status of a command that gets a signal as soon as it has written a line with these words."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT, start_new_session=True
    )
    for said in process.stdout:
        if line in said:
            send(process.pid, number)
            break
    process.stdout.read()
    return process.wait()
