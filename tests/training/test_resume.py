"""Killed and continued equals uninterrupted, bit for bit: with real processes and real kills, on a CPU."""

import os
import signal
import subprocess
import sys

import pytest

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
        ("average", "step", 5),
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
        (signal.SIGINT, 130, "cut", "step", 10),  # the last step of all
    ],
)
def test_asked_to_stop(number, status, variant, call, count, new_run, uninterrupted):
    run = new_run(**VARIANTS[variant])
    assert run.start(at={"call": call, "count": count}, signal=number) == status, run.said
    assert "Stopped and saved at epoch" in run.said and "--continue_train goes on" in run.said
    assert_finished_as(run, uninterrupted(variant))


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
