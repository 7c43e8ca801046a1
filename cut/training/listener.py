"""What the training loop tells and asks the outside world, and the shapes of whoever listens and measures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from cut.options import Options
from cut.training.evaluation import Evaluation


@dataclass(frozen=True)
class Progress:
    """Where a run stands. Images, not steps, are what every frequency counts.

    Attributes:
        epoch: the current epoch; the first is 1.
        epoch_images: images seen in this epoch.
        images: images seen since the run began.
        step: optimizer steps since the run began.
        last_epoch: the epoch in which the run ends.
        images_per_epoch: images in one epoch.
    """

    epoch: int
    epoch_images: int
    images: int
    step: int
    last_epoch: int
    images_per_epoch: int

    @property
    def epochs(self) -> float:
        """How many epochs were trained: 1.5 in the middle of the second."""
        return self.epoch - 1 + self.epoch_images / self.images_per_epoch

    @property
    def images_left(self) -> int:
        return self.images_per_epoch - self.epoch_images + (self.last_epoch - self.epoch) * self.images_per_epoch


@dataclass(frozen=True)
class StepEvent:
    """One finished training step.

    Attributes:
        progress: where the run stands after the step.
        batch_size: images in this step.
        losses: call it for the losses as floats, by published name (G_GAN, D_real, …), in logging order. Calling it
            waits for the device, so do it only when something is due.
        images: call it for the pictures of this step, (B, C, H, W) tensors in [−1, 1] on the CPU by published name
            (real_A, fake_B, real_B, idt_B), in display order.
        seconds: seconds per image of the step (computation).
        data_seconds: seconds per image spent waiting for data.
        learning_rate: the rate that the step used.
    """

    progress: Progress
    batch_size: int
    losses: Callable[[], Mapping[str, float]]
    images: Callable[[], Mapping[str, Tensor]]
    seconds: float
    data_seconds: float
    learning_rate: float

    def due(self, every_images: int) -> bool:
        """Whether this step crossed a multiple of `every_images` images, whatever the batch size.

        A frequency of zero or less is never due.
        """
        seen = self.progress.images
        return every_images > 0 and seen // every_images > (seen - self.batch_size) // every_images


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run at its start and does not follow from its options.

    Attributes:
        command: the words that started it, as typed after `python`.
        device: where it computes, for people ("CPU", "NVIDIA A100").
        parameters: number of weights by network, {"G": …, "D": …, "F": …}.
        evaluations: what was measured before, when a run continues.
        best_metric: name of the measure that decides which epoch is best; None when nothing is measured.
        extractor: title of the network whose features are compared, on which the label of that measure depends.
    """

    command: tuple[str, ...] = ()
    device: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    best_metric: str | None = None
    extractor: str = ""


@dataclass(frozen=True)
class EpochEvent:
    """One finished epoch.

    Attributes:
        progress: where the run stands after its last step.
        seconds: what the epoch took.
        learning_rate: the rate of the next epoch.
        peak_memory_bytes: the most memory that the process has held so far (of the GPU, or of the machine on a CPU);
            None where the system does not say.
    """

    progress: Progress
    seconds: float
    learning_rate: float
    peak_memory_bytes: int | None = None


@dataclass(frozen=True)
class EvaluationEvent:
    """One finished measurement of the generator on held-out images.

    Attributes:
        progress: where the run stands.
        evaluation: what was measured.
        best: the best of all so far, which may be this one; None when none has a finite value.
        best_metric: name of the measure that decides.
    """

    progress: Progress
    evaluation: Evaluation
    best: Evaluation | None
    best_metric: str

    @property
    def is_best(self) -> bool:
        """Whether this measurement is the best so far."""
        return self.best is not None and self.best.epoch == self.evaluation.epoch


class Listener:
    """Base of everything that watches a run; each method does nothing by default.

    A listener may fail: the loop says so once, drops it and trains on. A `UserError` is said as it is, so raise one
    for what a person can mend.
    """

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        """Before the first step; `progress.images` is above zero when a run continues."""

    def after_step(self, event: StepEvent) -> None:
        """After every step."""

    def after_epoch(self, event: EpochEvent) -> None:
        """After the last step of an epoch."""

    def after_evaluation(self, event: EvaluationEvent) -> None:
        """After the generator was measured, which follows `after_epoch` of the epochs that are measured."""

    def after_save(self, progress: Progress, labels: tuple[str, ...]) -> None:
        """After a checkpoint was saved under one or more labels ("latest", "5", "best", "iter_400")."""

    def message(self, text: str) -> None:
        """A sentence for the person who watches."""

    def finish(self, progress: Progress) -> None:
        """The run is over, or was stopped; files are closed here."""


class Evaluator(Protocol):
    """What the loop asks to measure the generator after an epoch.

    Attributes:
        best_metric: name of the measure that decides which epoch is best.
        extractor: title of the network whose features are compared.
    """

    best_metric: str
    extractor: str

    def evaluate(self, progress: Progress, stopped: Callable[[], bool]) -> Evaluation | None:
        """Measure the generator as it is now, changing nothing that training depends on.

        Args:
            progress: where the run stands.
            stopped: whether somebody asks to stop; then it returns None soon.
        """
