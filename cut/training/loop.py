"""The training loop: epochs of steps, when to save, when to stop.

Of several processes that train together (torchrun) each runs this loop on its share of every batch. All have the same
weights at all times; the first one saves, and it alone has listeners.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache

from cut.data.batch import Batch
from cut.data.loader import Loader
from cut.data.views import View
from cut.device import peak_memory_bytes
from cut.errors import RunFailed, UserError
from cut.models.method import Method
from cut.options import Options
from cut.processes.group import OtherProcessEnded, count, end_all, is_first, objects_of_all, rank
from cut.training.audience import Audience
from cut.training.checkpoints import RunFolder, TrainingState, best_row
from cut.training.early_stopping import early_stop
from cut.training.evaluation import Evaluation, best_evaluation, same_conditions
from cut.training.evaluation_table import alike_message, last_and_best
from cut.training.facts import run_facts
from cut.training.failures import explained, files_of, write_report
from cut.training.finite import broken_losses, broken_part
from cut.training.interrupt import StopRequest
from cut.training.listener import (
    EpochEvent,
    EvaluationEvent,
    Evaluator,
    Listener,
    Previewer,
    Progress,
    StepEvent,
)
from cut.training.schedule import evaluation_is_due, is_due, learning_rate
from cut.training.start import save_options
from cut.training.stepping import Stepper
from cut.training.steps import on_device, step_generator, timed
from cut.training.unread_losses import TakenStep, UnreadLosses


class Trainer:
    """Trains a model on a loader's batches and informs listeners.

    Args:
        options: `training`, `checkpoints` and `run.seed` are read.
        model: the method to train.
        loader: `epoch(number, start_batch)` gives batches, `len` the batches of an epoch.
        folder: where checkpoints go.
        state: where to begin.
        listeners: called after every step.
        evaluator: measures the generator every `evaluation_epoch_freq` epochs and after the last; None for never.
        previewer: translates a few held-out images before the first step and every `evaluation_freq` images.
    """

    def __init__(
        self,
        options: Options,
        model: Method,
        loader: Loader,
        folder: RunFolder,
        state: TrainingState,
        listeners: Sequence[Listener] = (),
        evaluator: Evaluator | None = None,
        previewer: Previewer | None = None,
    ) -> None:
        self.options, self.model, self.loader, self.folder = options, model, loader, folder
        self.listeners = Audience(listeners)
        self.tell, self.say = self.listeners.tell, self.listeners.say
        self.evaluator, self.view = evaluator, View.of(options)
        self.previewer = previewer if options.monitoring.evaluation_freq > 0 else None
        self.state = state
        self.last_epoch = options.training.n_epochs + options.training.n_epochs_decay
        self.best: Evaluation | None = None  # the measurement of the weights that are saved as best
        self.stepper = Stepper(options, model, state, self.say)
        self.unread = UnreadLosses(model.device)
        self.last_save = "nothing has been saved yet"
        if state.step:
            self.best = best_row(folder.folder)
            self.last_save = f"the checkpoint in {folder.folder} that it continued from is good"

    def run(self, messages: Sequence[str] = ()) -> int:
        """Train from `self.state` to the last epoch.

        Args:
            messages: sentences to report first.

        Returns:
            The exit status: 0, or 129, 130 or 143 when a signal asked to stop (after saving).

        Raises:
            RunFailed: when a loss or weight is no longer finite, or, after saving, when anything else fails.
        """
        self.tell("start", self.options, self.progress(), run_facts(self.model, self.evaluator, self.evaluations()))
        for message in messages:
            self.say(message)
        try:
            with StopRequest() as stop:
                try:
                    self.train(stop)
                except Exception as error:  # whatever it is, the work until here must not be lost
                    to_save = isinstance(error, OtherProcessEnded) and is_first()
                    if isinstance(error, RunFailed) and not to_save:
                        raise
                    raise self.failed(error) from error
            return stop.exit_status
        finally:
            self.tell("finish", self.progress())

    def train(self, stop: StopRequest) -> None:
        """To the last epoch, or until a stop is requested."""
        if self.state.step == 0:
            self.prepare(stop)
            self.preview()
        if self.state.step and not self.state.epoch_steps:
            self.catch_up(stop)
        early = None
        while self.state.epoch <= self.last_epoch and not stop.signal:
            if early := early_stop(self.options.evaluation, self.state):
                break
            self.train_epoch(stop)
        if stop.signal:
            self.save(["latest"], must_succeed=True)
            self.say(f"Stopped and saved at {self.where()}; the same command with --continue_train goes on.")
        elif early:
            self.save(["latest"], must_succeed=True)
            self.say(early)
        if self.evaluator and self.evaluations() and not stop.signal:
            self.say(last_and_best(self.evaluations(), self.best, self.evaluator.best_metric))

    def prepare(self, stop: StopRequest) -> None:
        """Let the model measure what it needs of the training images, as an epoch 0 has them."""
        batches = self.loader.epoch(0, stopped=lambda: stop.signal is not None, say=self.say)
        try:
            self.model.prepare(batches, self.say)
        except UserError:
            if not stop.signal:  # else too few batches came; the continued run measures again
                raise

    def train_epoch(self, stop: StopRequest) -> None:
        """The rest of the current epoch, until it ends or a stop is requested."""
        epoch, started = self.state.epoch, time.perf_counter()
        rate = self.learning_rate(epoch)
        self.model.set_learning_rate(rate)
        self.model.steps_per_epoch = len(self.loader)
        batches = self.loader.epoch(
            epoch, start_batch=self.state.epoch_steps, stopped=lambda: stop.signal is not None, say=self.say
        )
        for batch, data_seconds in timed(on_device(batches, self.model)):
            self.train_step(batch, data_seconds, rate)
            stop.agree()
            if stop.signal:
                break
        if not stop.signal:  # which also ends a wait for data
            self.finish_epoch(epoch, time.perf_counter() - started, stop)

    def train_step(self, batch: Batch, data_seconds: float, rate: float) -> None:
        started = time.perf_counter()
        rate *= self.model.rate_factor(self.state.step)
        generator = step_generator(self.options.run.seed, self.state.step)
        draws = self.model.draw_share(batch, generator, self.state.epoch, self.last_epoch, self.state.step)
        losses = self.stepper.take(batch, draws)
        size = len(batch) * count()
        self.state.count_step(size)
        seconds = time.perf_counter() - started
        self.unread.add(TakenStep(losses, seconds, self.where(), files_of(batch)))
        if self.unread.due:
            self.check_losses()

        event = StepEvent(
            progress=self.progress(),
            batch_size=size,
            losses=losses,
            images=cache(lambda: self.view.pictures(self.model.pictures(batch), batch)),
            seconds=self.unread.seconds / size,
            data_seconds=data_seconds / size,
            learning_rate=rate,
        )
        if event.due(self.options.monitoring.evaluation_freq):
            self.preview()
        self.tell("after_step", event)
        if event.due(self.options.checkpoints.save_latest_freq):
            by_iteration = [f"iter_{self.state.images}"] if self.options.checkpoints.save_by_iter else []
            self.save(["latest", *by_iteration])

    def finish_epoch(self, epoch: int, seconds: float, stop: StopRequest) -> None:
        self.check_losses()
        finished = self.progress()
        self.state.finish_epoch()
        memory = peak_memory_bytes(self.model.device)
        self.tell("after_epoch", EpochEvent(finished, seconds, self.learning_rate(epoch + 1), memory))
        labels = []
        if is_due(epoch, self.options.checkpoints.save_epoch_freq):
            labels.append(str(epoch))
        if self.evaluate(epoch, stop):
            labels.append("best")
        last = epoch == self.last_epoch
        if labels or last:
            self.save(["latest", *labels], must_succeed=last)
        stop.agree()

    def learning_rate(self, epoch: int) -> float:
        """The rate of an epoch, given the losses of the epochs before it."""
        ahead, decay = self.model.schedule_ahead, self.model.linear_decay
        return learning_rate(self.options.training, epoch + ahead, self.state.epoch_losses, decay)

    # ------------------------------------------------------------------ measuring

    def evaluate(self, epoch: int, stop: StopRequest) -> bool:
        """Measure the generator after an epoch, if that is due and was not done; whether it is the best so far."""
        every = self.options.evaluation.evaluation_epoch_freq
        due = evaluation_is_due(epoch, every, self.last_epoch)
        if self.evaluator is None or not due or any(known.epoch == epoch for known in self.evaluations()):
            return False
        progress = replace(self.progress(), epoch=epoch, epoch_images=self.progress().images_per_epoch)
        try:
            measured = self.evaluator.evaluate(progress, lambda: stop.received is not None)
        except OtherProcessEnded:
            raise
        except Exception as error:  # whatever it is, it must not end hours of training
            self.say(f"Epoch {epoch} could not be measured, and training goes on: {explained(error)}")
            return False
        if measured is None:
            return False
        self.state.evaluations.append(asdict(measured))
        rivals = [measured]
        if self.best and same_conditions(self.best, measured):
            rivals = [self.best, measured]
        elif self.best:
            self.say(
                f"Epoch {self.best.epoch}, the best so far, was measured on other images than epoch {epoch}, and their "
                "numbers cannot be compared: the search for the best starts again."
            )
        best = best_evaluation(rivals, self.evaluator.best_metric)
        event = EvaluationEvent(progress, measured, best, self.evaluator.best_metric)
        self.tell("after_evaluation", event)
        if alike := alike_message(self.evaluations()):
            self.say(alike)
        return event.is_best

    def catch_up(self, stop: StopRequest) -> None:
        """Measure the epoch that a continued run comes from, if a stop cut that short."""
        known = len(self.state.evaluations)
        is_best = self.evaluate(self.state.epoch - 1, stop)
        if len(self.state.evaluations) > known:
            self.save(["latest", "best"] if is_best else ["latest"])

    def evaluations(self) -> tuple[Evaluation, ...]:
        """What was measured so far, oldest first."""
        return tuple(Evaluation(**fields) for fields in self.state.evaluations)

    # ------------------------------------------------------------------ saving and checking

    def save(self, labels: list[str], must_succeed: bool = False) -> None:
        """Save under each label. A failed save is reported and retried at the next one, unless it is the last."""
        self.check_losses()
        self.check_weights()
        if not is_first():
            return
        best = self.state.evaluations[-1] if "best" in labels else None
        try:
            if self.folder.is_gone:
                self.make_folder_again()
            self.folder.save(labels, self.model, self.state, best)
        except UserError as error:
            if must_succeed:
                raise RunFailed(*error.problems) from error
            self.say(f"{error} Training goes on; the next save will try again.")
            return
        if best is not None:
            self.best = Evaluation(**best)
        self.last_save = f"the checkpoint saved at {self.where()} in {self.folder.folder} is good"
        self.tell("after_save", self.progress(), tuple(labels))

    def make_folder_again(self) -> None:
        """The folder of the run was removed while it trained; what was in it is lost, the run is not."""
        self.folder.make_again()
        save_options(self.options, self.folder.folder)
        self.best = None
        self.tell("folder_made_again", self.progress())
        self.say(
            f"{self.folder.folder} was removed while training: it was made again for the next save, but the earlier "
            "weights, logs and pictures in it are lost."
        )

    def check_losses(self) -> None:
        """Look at the losses of the steps since the last call."""
        for step in self.unread.take():
            self.state.count_loss(step.losses.get(self.model.total_loss))
            if broken := broken_losses(step.losses):
                files = "; ".join(objects_of_all(step.files))
                end_all(
                    RunFailed(
                        f"Training stopped at {step.where}: {broken}; the files of that step were {files}; "
                        f"{self.last_save}."
                    )
                )

    def check_weights(self) -> None:
        if broken := broken_part(self.model):
            end_all(RunFailed(f"Training stopped at {self.where()}: {broken} are no longer finite; {self.last_save}."))

    def failed(self, error: Exception) -> RunFailed:
        """Save after an unexpected failure, as after a request to stop; what the user is told."""
        said = f"Training stopped at {self.where()}: {explained(error)}"
        if self.stepper.batch is not None and not isinstance(error, OtherProcessEnded):
            said += f" The files of that step were {files_of(self.stepper.batch)}."
        if not isinstance(error, UserError) and (report := write_report(self.folder.folder, error)):
            said += f" The details are in {report}."
        if not is_first():  # which saves, when it notices that this process has ended
            return RunFailed(f"{said} (That was process {rank()} of {count()}, counted from 0.)")
        if not self.stepper.exact:
            return RunFailed(f"{said} The step could not be taken back, so nothing was saved now; {self.last_save}.")
        if self.state.step == 0:
            return RunFailed(f"{said} No step was trained, so nothing was saved.")
        try:
            self.save(["latest"], must_succeed=True)
        except Exception as second:
            return RunFailed(f"{said} It could not be saved: {explained(second)} But {self.last_save}.")
        return RunFailed(f"{said} The run is saved there; the same command with --continue_train goes on.")

    # ------------------------------------------------------------------ telling

    def progress(self) -> Progress:
        state = self.state
        images = len(self.loader) * self.options.data.batch_size
        return Progress(state.epoch, state.epoch_images, state.images, state.step, self.last_epoch, images)

    def where(self) -> str:
        return f"epoch {self.state.epoch}, image {self.state.epoch_images} of it (step {self.state.step})"

    def preview(self) -> None:
        """Translate the held-out images for the listeners; after a failure there are no more previews."""
        if self.previewer is None:
            return
        try:
            event = self.previewer.preview(self.progress())
        except Exception as error:  # whatever it is, it must not end hours of training
            self.previewer = None
            self.say(f"There are no previews for the rest of the run: {explained(error)}")
            return
        self.tell("after_preview", event)
