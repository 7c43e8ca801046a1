"""What the training loop tells the outside world, and the shape of whoever listens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from cut.options import Options


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


class Listener:
    """Base of everything that watches a run; each method does nothing by default.

    A listener may fail: the loop says so once, drops it and trains on.
    """

    def start(self, options: Options, progress: Progress) -> None:
        """Before the first step; `progress.images` is above zero when a run continues."""

    def after_step(self, event: StepEvent) -> None:
        """After every step."""

    def after_epoch(self, progress: Progress, seconds: float, learning_rate: float) -> None:
        """After the last step of an epoch that took `seconds`; the next one uses `learning_rate`."""

    def after_save(self, progress: Progress, label: str) -> None:
        """After a checkpoint was saved under `label` ("latest", "5", "iter_400")."""

    def message(self, text: str) -> None:
        """A sentence for the person who watches."""

    def finish(self, progress: Progress) -> None:
        """The run is over, or was stopped; files are closed here."""
