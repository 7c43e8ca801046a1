"""Failures that nobody asked for: what is saved first, what is said, and that a failed step is taken back."""

import errno
import math
import shutil

import pytest
import torch

from cut.errors import RunFailed, UserError
from cut.monitoring.log_files import LossLog, MetricsLog, read_metrics
from cut.training import atomic
from cut.training.checkpoints import RunFolder
from tests.training.miniature import Model, Recorder, trainer, weight_of

NEVER = ["--save_latest_freq", "0", "--save_epoch_freq", "0"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tiny"


class Failing(Model):
    """Its fifth step changes the weights and fails."""

    error: Exception = RuntimeError("out of\nluck")

    def step(self, batch, draws):
        logs = super().step(batch, draws)
        if self.steps == 5:
            raise self.error
        return logs


def test_a_step_that_fails_is_taken_back_and_saved(folder):
    recorder = Recorder()
    with pytest.raises(RunFailed) as error:
        trainer(folder, *NEVER, model=Failing(), size=2, listeners=[recorder]).run()
    assert str(error.value) == (
        "Training stopped at epoch 1, image 8 of it (step 4): RuntimeError: out of. The files of that step were "
        f"A1-4-0.png, A1-4-1.png, B1-4-0.png, B1-4-1.png. The details are in {folder / 'failure.txt'}. "
        "The run is saved there; the same command with --continue_train goes on."
    )
    assert error.value.exit_status == 1 and recorder.events[-1] == "finish" and recorder.saves == [(8, "latest")]
    assert weight_of(folder / "latest_net_G.pth") == 8
    assert "RuntimeError: out of\nluck" in (folder / "failure.txt").read_text()


def test_a_batch_that_cannot_be_loaded_is_said_after_a_save(folder):
    loop = trainer(folder, *NEVER)
    good = loop.loader.epoch

    def epoch(*place, **more):
        yield next(good(*place))
        raise UserError("x.png is no image.")

    loop.loader.epoch = epoch
    with pytest.raises(RunFailed, match=r"image 1 of it \(step 1\): x.png is no image. The run is saved there"):
        loop.run()
    assert weight_of(folder / "latest_net_G.pth") == 1 and not (folder / "failure.txt").exists()


def test_a_failure_that_cannot_be_saved_names_the_save_that_is_good(folder, monkeypatch):
    class Full(Failing):
        def step(self, batch, draws):
            if self.steps == 4:
                monkeypatch.setattr(atomic.os, "fsync", full)
            return super().step(batch, draws)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunFailed, match=r"It could not be saved: The disk is full.* But the checkpoint .*\(step 3\)"):
        trainer(folder, "--save_latest_freq", "3", model=Full()).run()
    assert weight_of(folder / "latest_net_G.pth") == 3


def test_a_failure_with_weights_that_are_not_finite_keeps_the_good_save(folder):
    class Overflown(Model):
        def step(self, batch, draws):
            if self.steps == 4:
                raise RuntimeError("worse")
            logs = super().step(batch, draws)
            if self.steps == 4:
                self.networks["D"].weight.data.fill_(math.inf)
            return logs

    with pytest.raises(RunFailed, match=r"RuntimeError: worse.*the weights of D are no longer finite"):
        trainer(folder, "--save_latest_freq", "3", model=Overflown()).run()
    assert weight_of(folder / "latest_net_D.pth") == 3


def test_a_step_that_cannot_be_taken_back_is_not_saved(folder):
    class Averaging(Failing):
        average = torch.zeros(1)

        def step(self, batch, draws):
            self.average += 1
            return super().step(batch, draws)

        def extra_state(self):
            return {"averages": [self.average]}

    with pytest.raises(RunFailed, match=r"could not be taken back, .*; the checkpoint saved at .*\(step 4\)"):
        trainer(folder, "--save_latest_freq", "2", model=Averaging()).run()
    assert weight_of(folder / "latest_net_G.pth") == 4


def test_a_folder_that_is_removed_is_made_again_at_the_next_save_and_said_once(folder):
    class Removing(Model):
        def step(self, batch, draws):
            if self.steps == 3:
                shutil.rmtree(folder)
            return super().step(batch, draws)

    recorder = Recorder()
    loop = trainer(folder, "--save_latest_freq", "2", "--save_epoch_freq", "0", model=Removing())
    loop.listeners += [LossLog(), MetricsLog(), recorder]
    with loop.folder.locked():
        assert loop.run() == 0
        with pytest.raises(UserError, match="Another run is using"), RunFolder(folder).locked():
            pass
    assert recorder.messages == [
        f"{folder} was removed while training: it was made again for the next save, "
        "but the earlier weights, logs and pictures in it are lost."
    ]
    assert weight_of(folder / "latest_net_G.pth") == 10
    files = {file.name for file in folder.iterdir()}
    assert {"options.yaml", "train_opt.txt", ".lock", "latest_training_state.pth"} <= files
    entries = list(read_metrics(folder / "metrics.jsonl", kind=None))
    assert "run" in entries[0] and "finished_epoch" in entries[-1]
    assert "Training Loss" in (folder / "loss_log.txt").read_text()
