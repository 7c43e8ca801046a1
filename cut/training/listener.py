"""The events that the training loop sends to its listeners, and the interfaces of evaluators and previewers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from cut.options import Options
from cut.training.evaluation import Evaluation


@dataclass(frozen=True)
class Progress:
    """Where a run stands. All frequencies count images, not steps.

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
        losses: by published name (G_GAN, D_real, …), in logging order.
        images: call it for the pictures of this step, (B, C, H, W) tensors in [−1, 1] on the CPU by published name
            (real_A, fake_B, …), in display order. The first call computes and fetches them, so do it only when
            something is due.
        seconds: seconds per image of the step (computation).
        data_seconds: seconds per image spent waiting for data.
        learning_rate: the rate that the step used.
    """

    progress: Progress
    batch_size: int
    losses: Mapping[str, float]
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
        device: where it computes, as text ("CPU", "NVIDIA A100").
        parameters: number of weights by network, {"G": …, "D": …, "F": …}.
        evaluations: what was measured before, when a run continues.
        best_metric: name of the measure that decides which epoch is best; None when nothing is measured.
        extractor: title of the network whose features are compared, on which the label of that measure depends.
        total_loss: name of the loss that the generator minimises, the sum of its parts; "" where there is none.
    """

    command: tuple[str, ...] = ()
    device: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    best_metric: str | None = None
    extractor: str = ""
    total_loss: str = ""


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


@dataclass(frozen=True)
class PreviewEvent:
    """The same few held-out images, translated with the current weights.

    Attributes:
        progress: where the run stands.
        names: file names of the sources.
        sources, translations: for each name a picture, (C, H, W) in [−1, 1] on the CPU, in the same order.
        targets: likewise the real target images; empty where the held-out images are not pairs.
    """

    progress: Progress
    names: Sequence[str]
    sources: Sequence[Tensor]
    translations: Sequence[Tensor]
    targets: Sequence[Tensor] = ()


class Listener:
    """Base class of what watches a run; each method does nothing by default.

    A listener may fail: the loop reports it once, drops the listener and goes on training. The sentence of a
        `UserError` is shown unchanged, so raise one for what the user can fix.
    """

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        """Before the first step; `progress.images` is above zero when a run continues."""

    def after_preview(self, event: PreviewEvent) -> None:
        """After the held-out images were translated: before the first step, then just before the `after_step` of the
        steps that are due by `evaluation_freq`."""

    def after_step(self, event: StepEvent) -> None:
        """After every step."""

    def after_epoch(self, event: EpochEvent) -> None:
        """After the last step of an epoch."""

    def after_evaluation(self, event: EvaluationEvent) -> None:
        """After the generator was measured, which follows `after_epoch` of the epochs that are measured."""

    def after_save(self, progress: Progress, labels: tuple[str, ...]) -> None:
        """After a checkpoint was saved under one or more labels ("latest", "5", "best", "iter_400")."""

    def folder_made_again(self, progress: Progress) -> None:
        """The folder of the run was removed and is there again, empty; files in it have to be opened again."""

    def message(self, text: str) -> None:
        """A message for the user."""

    def finish(self, progress: Progress) -> None:
        """The run is over, or was stopped; files are closed here."""


class Evaluator(Protocol):
    """What the loop calls to measure the generator after an epoch.

    Attributes:
        best_metric: name of the measure that decides which epoch is best.
    """

    best_metric: str

    @property
    def extractor(self) -> str:
        """Title of the network whose features are compared."""

    def evaluate(self, progress: Progress, stopped: Callable[[], bool]) -> Evaluation | None:
        """Measure the generator as it is now, changing nothing that training depends on.

        Args:
            progress: where the run stands.
            stopped: whether a stop was requested; then the result is None, soon.
        """


class Previewer(Protocol):
    """What the loop calls to translate a few held-out images while it trains."""

    def preview(self, progress: Progress) -> PreviewEvent:
        """Translate them with the generator as it is now, changing nothing that training depends on."""
