"""Handing commands to a cluster. What needs submitit runs where it is installed (pip install submitit)."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from cut.errors import UserError
from scripts import launchers
from scripts.launchers import Job, hand_in

GOES_ON = """
import os, pathlib, signal, sys
file = pathlib.Path("trained")
if file.exists():
    file.write_text("trained further")
    sys.exit()
def save(*_):
    file.write_text("saved")
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path("starting").write_text(str(os.getppid()))
os.rename("starting", "started")
while True:
    signal.pause()
"""


@pytest.fixture
def submitit():
    return pytest.importorskip("submitit", reason="submitit is optional and not installed: pip install submitit")


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.02)


def test_without_submitit_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs the package submitit, which is not installed: pip install submitit"):
        hand_in([["true"]], Path("jobs"), {})


def test_a_job_runs_its_command(tmp_path):
    Job([sys.executable, "-c", f"open({str(tmp_path / 'done')!r}, 'w')"])()
    assert (tmp_path / "done").exists()
    with pytest.raises(RuntimeError, match="ended with status 3"):
        Job([sys.executable, "-c", "raise SystemExit(3)"])()


def test_jobs_run_on_this_machine_as_on_a_cluster(submitit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = [[sys.executable, "-c", f"print('printed by {name}')"] for name in "ab"]
    jobs = hand_in(commands, tmp_path / "jobs", {"timeout_min": 5, "name": "sweep"}, cluster="local")
    for job, name in zip(jobs, "ab", strict=True):
        job.result()
        assert f"printed by {name}" in job.stdout()


def test_a_job_that_is_interrupted_saves_and_goes_on(submitit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (job,) = hand_in([[sys.executable, "-c", GOES_ON]], tmp_path / "jobs", {"timeout_min": 5}, cluster="local")
    wait_for(tmp_path / "started")
    os.kill(int((tmp_path / "started").read_text()), signal.SIGUSR2)  # as the cluster warns
    job.result()
    assert (tmp_path / "trained").read_text() == "trained further"


@pytest.mark.parametrize(("cluster", "asks"), [("slurm", {}), ("local", {"no_such": 1})])
def test_what_the_cluster_does_not_take_is_a_sentence(submitit, tmp_path, monkeypatch, cluster, asks):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="The jobs cannot be handed in: ") as error:
        hand_in([["true"]], tmp_path, asks, cluster)
    assert len(error.value.problems) == 1
