"""A training step as the loop takes it: it can be taken back, and what makes it faster is tried before the first."""

from collections.abc import Callable
from typing import Any

import torch

from cut.data.batch import Batch
from cut.models.method import Method
from cut.options import Options
from cut.training.captured import CapturedSteps, CudaGraph
from cut.training.compiled import compile_checked
from cut.training.fastest_threads import choose_threads
from cut.training.saved_state import TrainingState
from cut.training.steps import step_generator
from cut.training.undo import Undo
from cut.training.unread_losses import Losses


class Stepper:
    """Takes the steps of a run.

    Args:
        options: `run` is read.
        model: the method to train.
        state: of the run; the number of threads is in it once it was chosen.
        say: takes sentences for the user.

    Attributes:
        batch: that of the step under way; None between two steps.
    """

    def __init__(self, options: Options, model: Method, state: TrainingState, say: Callable[[str], object]) -> None:
        self.run, self.model, self.state, self.say = options.run, model, state, say
        self.undo = Undo(model)
        self.batch: Batch | None = None
        self._step = model.train_step
        self._is_ready = False

    @property
    def exact(self) -> bool:
        """Whether the model is as it was between two steps; False after a step that could not be taken back."""
        return self.undo.exact

    def take(self, batch: Batch, draws: Any) -> Losses:
        """Train on one batch, or leave the model as it was when that fails."""
        self.batch = batch
        if not self._is_ready:
            self._get_ready(batch, draws)
        with self.undo.on_failure():
            losses = Losses(self._step(batch, draws))
        self.undo.exact = False  # the average of some weights may have moved when this fails
        self.model.move_averages(self.state.step)
        self.undo.exact = True
        self.batch = None
        return losses

    def _get_ready(self, batch: Batch, draws: Any) -> None:
        """Try out what the options ask for; the model is as before afterwards."""
        self._is_ready = True
        if self.run.tune_threads and self.model.device.type == "cpu":
            if self.state.threads:
                torch.set_num_threads(self.state.threads)
            else:
                self.state.threads = choose_threads(self.model, self.undo, batch, self._kinds(batch, draws), self.say)
        if self.run.compile:
            self.say(compile_checked(self.model, self.undo, batch, self._kinds(batch, draws)))
        if self.run.cuda_graphs:
            captured = CapturedSteps(self.model, self.undo, CudaGraph)
            said, works = captured.check(batch, draws)
            self.say(said)
            if works:
                self._step = captured

    def _kinds(self, batch: Batch, draws: Any) -> list[Any]:
        """The draws of this step, and of those after it until the kinds of steps begin again."""

        def draws_of(step: int) -> Any:
            generator = step_generator(self.run.seed, step)
            return self.model.draw_share(batch, generator, draws.epoch, draws.last_epoch, step)

        return [draws, *map(draws_of, range(self.state.step + 1, self.state.step + self.model.step_period))]
