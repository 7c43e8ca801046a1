"""Where a run computes."""

import sys

import pytest
import torch

from cut import device
from cut.device import choose_device
from cut.errors import UserError


def test_threads_are_set_and_zero_leaves_them():
    before = torch.get_num_threads()
    try:
        assert choose_device("-1", threads=3) == torch.device("cpu") and torch.get_num_threads() == 3
        choose_device("-1")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("busy", "threads", "advice"),
    [(0.3, 8, None), (2.6, 8, "--threads 5"), (2.6, 5, None), (8.0, 8, "--threads 1"), (8.0, 1, None)],
)
def test_a_busy_machine_is_said_and_changes_nothing(monkeypatch, busy, threads, advice):
    monkeypatch.setattr(device, "busy_processors", lambda: busy)
    monkeypatch.setattr(device, "processors", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    said = device.describe_device(torch.device("cpu"), "-1")
    assert said.startswith("Computing on the CPU.") and (advice in said if advice else len(said) == 21)


def test_busy_processors_are_those_that_this_process_may_use(monkeypatch):
    """Of three, the first was busy for half of the time, the second all the time, and the third is not ours."""
    readings = iter(
        [
            {0: (100, 200), 1: (100, 200), 2: (0, 0)},
            {0: (110, 220), 1: (100, 220), 3: (5, 20)},
        ]
    )
    monkeypatch.setattr(device, "_ticks", lambda: next(readings))
    assert device.busy_processors(seconds=0) == 1.5


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_the_system_tells_the_time_of_every_processor():
    ticks = device._ticks()
    assert len(ticks) == device.processors() and all(0 <= idle <= total for idle, total in ticks.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_a_gpu_that_is_not_there():
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(UserError, match="--gpu_ids 3 asks for a GPU that is not there .*; --gpu_ids -1 uses the CPU"):
        choose_device("3")
