"""`--tune_threads`: measured on steps that are taken back; the clock is that of the test."""

import pytest
import torch

from cut.training import fastest_threads
from cut.training.saved_state import TrainingState
from tests.training.miniature import Model, Recorder, trainer


@pytest.fixture(autouse=True)
def same_threads_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Clock:
    """A step takes as many seconds as `seconds` says of its number of threads."""

    def __init__(self, monkeypatch, seconds):
        self.now = 0.0
        self.seconds = seconds
        self.tried = []
        monkeypatch.setattr(fastest_threads.time, "perf_counter", lambda: self.now)

    def step(self):
        self.tried.append(torch.get_num_threads())
        self.now += self.seconds[torch.get_num_threads()]


class Timed(Model):
    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def train_step(self, batch, draws):
        self.clock.step()
        return super().train_step(batch, draws)


def run(folder, clock, state=None):
    recorder, model = Recorder(), Timed(clock)
    one = trainer(folder, "--tune_threads", model=model, listeners=[recorder], state=state)
    assert one.run() == 0
    return one, recorder, model


def test_the_fastest_of_all_counts_is_taken_and_no_trial_is_kept(tmp_path, monkeypatch):
    torch.set_num_threads(6)
    clock = Clock(monkeypatch, {1: 0.9, 2: 0.5, 4: 0.7, 6: 0.8})
    one, recorder, model = run(tmp_path / "run", clock)
    assert clock.tried[:16] == [1, 2, 4, 6] * 4 and set(clock.tried[16:]) == {2}
    assert one.state.threads == torch.get_num_threads() == 2
    (said,) = [message for message in recorder.messages if "thread" in message]
    assert said.startswith("A step is fastest with 2 threads (1: 0.90 s, 2: 0.50 s, 4: 0.70 s, 6: 0.80 s), ")
    assert model.networks["G"].weight.item() == 10  # one for each image of two epochs


def test_slow_steps_are_tried_less_often(tmp_path, monkeypatch):
    torch.set_num_threads(2)
    clock = Clock(monkeypatch, {1: 12.0, 2: 7.0})
    run(tmp_path / "run", clock)
    assert clock.tried[:4] == [1, 2, 1, 2] and set(clock.tried[4:]) == {2}


def test_a_continued_run_keeps_its_number(tmp_path, monkeypatch):
    torch.set_num_threads(2)
    clock = Clock(monkeypatch, {1: 2.0, 2: 1.0})
    run(tmp_path / "run", clock, TrainingState(threads=1))
    assert set(clock.tried) == {1}


def test_without_it_nothing_is_measured(tmp_path):
    started = torch.get_num_threads()
    one = trainer(tmp_path / "run")
    assert one.run() == 0 and one.state.threads == 0 and torch.get_num_threads() == started
