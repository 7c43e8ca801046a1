"""What processes tell each other, and that together they compute what one does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cut.device import choose_device
from cut.errors import UserError
from cut.processes import group
from cut.processes.launch import Launch, launch
from tests.processes.shares import CASES, OTHERS, POOLED
from tests.training.tiny_runs import ENVIRONMENT, ROOT


@pytest.fixture(scope="module")
def errors():
    """How far the weights and losses of two processes are from those of one, started by torchrun."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    worker = Path(__file__).with_name("shares.py")
    done = subprocess.run([*torchrun, str(worker)], capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", [*CASES, *OTHERS])
def test_shares_of_a_batch_train_as_the_batch_does(errors, case):
    assert errors[case]["losses"] < 1e-10
    # After Adam, which enlarges the rounding of tiny gradients; on some processors to 5e-10 in these methods.
    assert errors[case]["weights"] < (1e-9 if case in POOLED else 1e-10)


def test_alone_nothing_is_said_to_anyone():
    values = torch.arange(3.0)
    assert group.count() == 1 and group.rank() == 0 and group.is_first()
    assert group.gathered(values) is values and group.summed(values) is values
    assert group.objects_of_all("x") == ["x"] and group.from_first(lambda: "y") == "y"
    assert group.own_share(4) == slice(0, 4)


def test_only_torchrun_makes_several_processes(monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)  # as SLURM's containers and MPI may
    assert launch() == Launch()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert launch() == Launch(1, 2, 1) and not launch().is_first


def test_a_process_takes_the_gpu_of_its_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto", place=Launch(3, 4, 1)) == torch.device("cuda:1")
    with pytest.raises(UserError, match="leave out --gpu_ids 1"):
        choose_device("1", place=Launch(3, 4, 1))
    with pytest.raises(UserError, match="has 2 GPUs"):
        choose_device("auto", place=Launch(2, 3, 2))


def test_too_little_memory_is_not_another_process():
    def no_memory():
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    with pytest.raises(RuntimeError, match="allocate memory"):
        group.talk(no_memory)
    with pytest.raises(group.OtherProcessEnded):
        group.talk(lambda: torch.empty(2).view(3))
