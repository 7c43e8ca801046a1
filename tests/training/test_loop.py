"""The loop with a model in miniature: what is saved when, and what happens when something goes wrong."""

import errno
import math
import os
import signal

import pytest
import torch

from cut.errors import RunFailed, UserError
from cut.training import atomic
from cut.training.checkpoints import RunFolder
from cut.training.listener import Listener
from cut.training.steps import step_generator
from tests.training.miniature import Model, Recorder, trainer, weight_of

NEVER = ["--save_latest_freq", "0", "--save_epoch_freq", "0"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tiny"


def saves(folder, *arguments, **more) -> list[tuple[int, str]]:
    recorder = Recorder()
    assert trainer(folder, *arguments, listeners=[recorder], **more).run() == 0
    return recorder.saves


# ------------------------------------------------------------------ before the first step


class Measuring(Model):
    """Looks at two batches of an epoch before the first step, and says which."""

    def prepare(self, batches, say):
        say(" ".join(next(batches).source_paths[0] for _ in range(2)))


def test_a_method_measures_training_images_before_the_first_step_only(folder):
    recorder = Recorder()
    first = trainer(folder, model=Measuring(), listeners=[recorder])
    assert first.run() == 0 and recorder.messages == ["A0-0-0.png A0-1-0.png"]
    again = trainer(folder, "--n_epochs", "3", model=Measuring(), listeners=[recorder], state=first.state)
    assert again.run() == 0 and again.state.step > 10 and len(recorder.messages) == 1


class Refusing(Model):
    """Cannot train on the images, or was stopped while it looked at them."""

    def __init__(self, stopped):
        super().__init__()
        self.stopped = stopped

    def prepare(self, batches, say):
        if self.stopped:
            os.kill(os.getpid(), signal.SIGINT)
        raise UserError("The images are all alike.")


def test_images_that_a_method_refuses_end_the_run_and_a_stop_is_no_refusal(folder):
    with pytest.raises(RunFailed, match="The images are all alike. No step was trained"):
        trainer(folder, model=Refusing(stopped=False)).run()
    assert trainer(folder, model=Refusing(stopped=True)).run() == 130 and RunFolder(folder).has_run


# ------------------------------------------------------------------ when to save


def test_frequencies_count_images_and_are_not_skipped_by_the_batch_size(folder):
    # Multiples of 4 are crossed at 6, 9, 12, …: 3 images a step, 15 an epoch.
    assert saves(folder, "--save_latest_freq", "4", "--save_epoch_freq", "0", size=3) == [
        (at, "latest") for at in (6, 9, 12, 18, 21, 24, 30, 30)
    ]


def test_a_frequency_below_the_batch_size_saves_once_a_step(folder):
    assert len(saves(folder, "--save_latest_freq", "1", "--save_epoch_freq", "0", size=3, batches=2)) == 4 + 1


def test_the_weights_of_every_nth_epoch_are_kept_and_the_last_state_always_saved(folder):
    arguments = ["--n_epochs", "5", "--n_epochs_decay", "0", "--save_latest_freq", "0", "--save_epoch_freq", "2"]
    assert saves(folder, *arguments, batches=1) == [(2, "latest"), (2, "2"), (4, "latest"), (4, "4"), (5, "latest")]
    assert [weight_of(folder / f"{label}_net_G.pth") for label in ("2", "4", "latest")] == [2, 4, 5]


def test_without_frequencies_the_end_is_saved(folder):
    assert saves(folder, *NEVER) == [(10, "latest")]


def test_save_by_iter_keeps_every_save(folder):
    saves(folder, "--save_latest_freq", "4", "--save_by_iter", "--save_epoch_freq", "0")
    assert {at: weight_of(folder / f"iter_{at}_net_F.pth") for at in (4, 8)} == {4: 4, 8: 8}
    assert RunFolder(folder).has_run


def test_the_saved_state_is_where_the_run_stands(folder):
    trainer(folder, *NEVER, model=Model([2, 4, 6, 8, 10, 1, 1, 1, 1, 5]), size=2).run()
    state = torch.load(folder / "latest_training_state.pth", weights_only=True)["state"]
    assert (state["epoch"], state["epoch_steps"], state["epoch_images"]) == (3, 0, 0)
    assert (state["step"], state["images"], state["epoch_losses"]) == (10, 20, [6.0, 1.8])


# ------------------------------------------------------------------ what the model and the listeners see


def test_order_of_events_and_progress(folder):
    recorder = Recorder()
    loop = trainer(folder, *NEVER, batches=2, size=3, listeners=[recorder])
    loop.run(["Computing on the CPU."])
    assert recorder.events == ["start", "step", "step", "epoch 1", "step", "step", "epoch 2", "finish"]
    assert recorder.messages == ["Computing on the CPU."]
    steps = [event.progress for event in recorder.steps]
    assert [(at.epoch, at.epoch_images, at.images, at.step, at.images_left) for at in steps] == [
        (1, 3, 3, 1, 9), (1, 6, 6, 2, 6), (2, 3, 9, 3, 3), (2, 6, 12, 4, 0)
    ]  # fmt: skip
    assert recorder.steps[0].losses == {"D_real": 0.5, "G": 1.0} and list(recorder.steps[0].images()) == ["real_A"]
    assert loop.model.rates == pytest.approx([2e-4, 1e-4])


def test_plateau_watches_the_logged_generator_loss(folder):
    model = Model([1.0] * 20)
    trainer(folder, *NEVER, "--lr_policy", "plateau", "--n_epochs", "9", model=model, batches=2).run()
    assert model.rates == pytest.approx([2e-4] * 7 + [4e-5] * 3)


def test_the_draws_of_a_step_are_a_function_of_seed_and_step():
    first, again, step, seed = (torch.rand(3, generator=step_generator(*at)) for at in ((1, 2), (1, 2), (1, 3), (2, 2)))
    assert torch.equal(first, again) and not torch.equal(first, step) and not torch.equal(first, seed)
    step_generator(2**63 - 1, 2**40)


def test_a_listener_that_raises_is_dropped_said_once_and_training_goes_on(folder):
    class Broken(Listener):
        calls = 0

        def after_step(self, event):
            self.calls += 1
            raise OSError("no server")

    class Mute(Recorder):
        def message(self, text):
            raise ValueError("cannot speak")

    class Careful(Listener):
        def after_step(self, event):
            raise UserError("There is no folder for me: make one.")

    broken, recorder = Broken(), Recorder()
    assert trainer(folder, *NEVER, listeners=[Careful(), Mute(), broken, recorder]).run() == 0
    assert broken.calls == 1 and recorder.events.count("step") == 10 and recorder.events[-1] == "finish"
    assert sorted(recorder.messages) == [
        "Broken is off for the rest of the run: OSError: no server.",
        "Careful is off for the rest of the run: There is no folder for me: make one.",
        "Mute is off for the rest of the run: ValueError: cannot speak.",
    ]
    assert weight_of(folder / "latest_net_G.pth") == 10


def test_a_listener_that_fails_while_it_hears_of_another_is_dropped_too(folder):
    class Broken(Listener):
        def after_step(self, event):
            raise ValueError("a step\nwith details")

        message = after_step

    recorder = Recorder()
    assert trainer(folder, *NEVER, listeners=[Broken(), Broken(), recorder]).run() == 0
    assert recorder.messages == ["Broken is off for the rest of the run: ValueError: a step."] * 2


def test_a_listener_hears_that_another_failed_to_start_only_after_its_own_start(folder):
    class Broken(Listener):
        def start(self, options, progress, facts):
            raise ValueError("no start")

    class Prepared(Recorder):
        def start(self, options, progress, facts):
            super().start(options, progress, facts)
            self.prepared = []

        def message(self, text):
            self.prepared.append(text)

    prepared = Prepared()
    assert trainer(folder, *NEVER, listeners=[Broken(), prepared]).run() == 0
    assert prepared.prepared == ["Broken is off for the rest of the run: ValueError: no start."]
    assert prepared.events[-1] == "finish"


# ------------------------------------------------------------------ what stops a run


def test_a_loss_that_is_not_finite_names_loss_step_files_and_the_good_checkpoint(folder):
    recorder = Recorder()
    loop = trainer(
        folder, "--save_latest_freq", "4", model=Model([1, 1, 1, 1, 1, 1, math.nan]), size=2, listeners=[recorder]
    )
    with pytest.raises(RunFailed) as error:
        loop.run()
    said = str(error.value)
    assert "epoch 2, image 4 of it (step 7): G is nan" in said and "D_real" not in said
    assert all(name in said for name in ("A2-1-0.png", "A2-1-1.png", "B2-1-0.png", "B2-1-1.png"))
    assert "the checkpoint saved at epoch 2, image 2 of it (step 6)" in said and str(folder) in said
    assert error.value.exit_status == 1 and "\n" not in said
    assert recorder.events[-1] == "finish" and weight_of(folder / "latest_net_G.pth") == 12


def test_before_the_first_save_it_says_so_and_a_continued_run_names_where_it_came_from(folder):
    with pytest.raises(RunFailed, match="nothing has been saved yet"):
        trainer(folder, model=Model([math.inf])).run()
    trainer(folder, *NEVER).run()
    state = RunFolder(folder).load(Model())
    with pytest.raises(RunFailed, match="the checkpoint in .*tiny that it continued from is good"):
        trainer(folder, "--n_epochs", "2", model=Model([math.inf]), state=state).run()


class Overflowing(Model):
    """Its losses stay finite, its weights do not."""

    def step(self, batch, draws):
        logs = super().step(batch, draws)
        if self.steps == 4:
            self.networks["D"].weight.data.fill_(math.inf)
        return logs


def test_weights_that_are_not_finite_never_replace_a_good_save(folder):
    with pytest.raises(RunFailed, match=r"\(step 4\): the weights of D .* saved at epoch 1, image 2 of it"):
        trainer(folder, "--save_latest_freq", "2", model=Overflowing()).run()
    assert weight_of(folder / "latest_net_D.pth") == weight_of(folder / "latest_net_G.pth") == 2


def test_running_statistics_count_as_weights(folder):
    model = Model()
    model.networks["G"] = torch.nn.BatchNorm2d(1)
    model.networks["G"].running_var.fill_(math.nan)
    with pytest.raises(RunFailed, match="the weights of G"):
        trainer(folder, "--save_latest_freq", "1", model=model).run()


def test_a_full_disk_is_said_training_goes_on_and_the_next_save_tries_again(folder, monkeypatch):
    recorder, loop = Recorder(), trainer(folder, "--save_latest_freq", "2", "--save_epoch_freq", "0")
    loop.listeners.append(recorder)
    flush = os.fsync

    def fsync(handle):
        if loop.state.images == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert loop.run() == 0
    (said,) = recorder.messages
    assert said.startswith("The disk is full: ") and said.endswith("Training goes on; the next save will try again.")
    assert [at for at, _ in recorder.saves] == [2, 6, 8, 10, 10]
    assert weight_of(folder / "latest_net_G.pth") == 10


def test_a_full_disk_at_the_last_save_fails_the_run(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    trainer(folder, *NEVER, "--n_epochs_decay", "0").run()
    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(UserError, match="^The disk is full"):
        trainer(folder, *NEVER).run()
    assert weight_of(folder / "latest_net_G.pth") == 5 and not list(folder.glob("*.staged"))
