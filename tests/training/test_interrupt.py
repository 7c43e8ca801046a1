"""Being asked to stop by a signal."""

import os
import signal

import pytest

from cut.training.interrupt import StopRequest
from tests.training.miniature import Model, Recorder, trainer, weight_of

NEVER = ["--save_latest_freq", "0", "--save_epoch_freq", "0"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tiny"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(folder, number, status):
    class Stopping(Model):
        def step(self, batch, draws):
            if self.steps == 2:
                os.kill(os.getpid(), number)
            return super().step(batch, draws)

    recorder = Recorder()
    assert trainer(folder, *NEVER, model=Stopping(), listeners=[recorder]).run() == status
    assert weight_of(folder / "latest_net_G.pth") == 3 and recorder.events[-1] == "finish"
    assert recorder.messages == [
        "Stopped and saved at epoch 1, image 3 of it (step 3); the same command with --continue_train goes on."
    ]


def test_a_second_sigterm_says_nothing_new():
    """A scheduler's own, and the one that a sweep passes on; Ctrl-C still ends the run at once."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == signal.SIGTERM and stop.exit_status == 143
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_after_ctrl_c_no_other_signal_cuts_the_save_short():
    with StopRequest() as stop:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            os.kill(os.getpid(), number)
        assert stop.signal == signal.SIGINT and stop.exit_status == 130


def test_a_hangup_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.signal is None and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_stop_that_ends_a_wait_for_data_is_saved(folder):
    loop = trainer(folder, *NEVER)
    good = loop.loader.epoch

    def epoch(*place, stopped, **more):
        yield next(good(*place))
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()  # so it gives no more batches

    loop.loader.epoch = epoch
    assert loop.run() == 143 and weight_of(folder / "latest_net_G.pth") == 1
    assert (loop.state.epoch, loop.state.epoch_steps) == (1, 1)


def test_a_second_signal_acts_as_usual_and_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal == signal.SIGINT and stop.exit_status == 130
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    with StopRequest() as stop:
        pass
    assert stop.exit_status == 0 and signal.getsignal(signal.SIGINT) is before
