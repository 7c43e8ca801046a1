"""Losses that stay on the device until someone asks, as on a GPU: here the CPU is asked as seldom."""

import math

import pytest
import torch

from cut.errors import RunFailed
from cut.training.listener import Listener
from cut.training.unread_losses import READ_EVERY, Losses, UnreadLosses
from tests.training.miniature import Model, Recorder, trainer


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tiny"


def seldom(folder, *arguments, every=4, **more):
    run = trainer(folder, *arguments, **more)
    run.unread.every = every
    return run


def test_a_cpu_is_read_after_every_step_and_a_gpu_seldom():
    assert UnreadLosses(torch.device("cpu")).every == 1
    assert UnreadLosses(torch.device("cuda")).every == READ_EVERY > 1


def test_values_are_fetched_once_and_when_asked_for(monkeypatch):
    reads = []
    original = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: reads.append(1) or original(tensor))
    losses = Losses({"G": torch.tensor(1.5), "D": torch.tensor(2.5)})
    assert list(losses) == ["G", "D"] and len(losses) == 2 and not reads
    assert losses == {"G": 1.5, "D": 2.5} and losses.get("NCE") is None and len(reads) == 1


def test_the_state_is_the_same_however_often_losses_are_read(folder, tmp_path):
    values = [float(number) for number in range(1, 11)]
    often = trainer(folder, model=Model(values))
    rarely = seldom(tmp_path / "rarely", model=Model(values))
    assert often.run() == rarely.run() == 0
    assert often.state == rarely.state and often.state.epoch_losses == [3.0, 8.0]


class ReadsAtOnce(Listener):
    def __init__(self):
        self.values = []

    def after_step(self, event):
        self.values.append(event.losses["G"])


def test_a_listener_that_asks_gets_the_losses_of_its_step(folder):
    reader, recorder = ReadsAtOnce(), Recorder()
    run = seldom(folder, model=Model([float(number) for number in range(10)]), listeners=[reader, recorder])
    assert run.run() == 0 and reader.values == [float(number) for number in range(10)]
    assert all(step.seconds > 0 for step in recorder.steps)


def test_the_step_that_broke_is_named_though_it_was_found_later(folder):
    values = [1, 1, 1, 1, 1, math.nan, math.nan]  # the first step of the second epoch, which is read after its fourth
    with pytest.raises(RunFailed) as caught:
        seldom(folder, "--save_epoch_freq", "1", model=Model(values)).run()
    said = str(caught.value)
    assert "epoch 2, image 1 of it (step 6): G is nan; the files of that step were A2-0-0.png, B2-0-0.png" in said
    assert "epoch 2, image 0 of it (step 5)" in said  # the good checkpoint


@pytest.mark.parametrize("frequency", ["--save_latest_freq", "--save_epoch_freq"])
def test_nothing_is_saved_before_its_losses_were_looked_at(folder, frequency):
    recorder = Recorder()
    with pytest.raises(RunFailed, match=r"step 2\): G is nan"):
        seldom(folder, frequency, "5", every=100, model=Model([1, math.nan]), listeners=[recorder]).run()
    assert recorder.saves == []
