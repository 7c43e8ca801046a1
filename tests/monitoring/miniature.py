"""A run in miniature: the events that a loop would send."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch

from cut.monitoring.record import Record
from cut.options import Options
from cut.training.listener import EpochEvent, Listener, PreviewEvent, Progress, RunFacts, StepEvent

IMAGES_PER_EPOCH = 10
LAST_EPOCH = 400


def progress_at(images: int, batch_size: int = 1) -> Progress:
    """Where a run stands after so many images; an epoch ends with its last image, not with the next one's first."""
    epoch = max(0, images - 1) // IMAGES_PER_EPOCH
    return Progress(
        epoch=epoch + 1,
        epoch_images=images - epoch * IMAGES_PER_EPOCH,
        images=images,
        step=images // batch_size,
        last_epoch=LAST_EPOCH,
        images_per_epoch=IMAGES_PER_EPOCH,
    )


def step_event(images: int, losses: dict[str, float] | None = None, size: tuple[int, int] = (6, 8)) -> StepEvent:
    """The step of batch size 1 after which `images` images were seen."""
    pictures = {"real_A": torch.full((1, 3, *size), 0.5), "fake_B": torch.full((1, 1, *size), -1.0)}
    return StepEvent(
        progress=progress_at(images),
        batch_size=1,
        losses={"G_GAN": 0.25, "NCE": images / 8} if losses is None else losses,
        images=lambda: pictures,
        seconds=0.5,
        data_seconds=0.125,
        learning_rate=2e-4,
    )


def preview_event(
    images: int, names: tuple[str, ...] = ("a.png",), size: tuple[int, int] = (3, 5), **more
) -> PreviewEvent:
    """A preview after so many images: white translations of black sources, each (3, *size)."""
    black, white = ([torch.full((3, *size), value) for _ in names] for value in (-1.0, 1.0))
    return PreviewEvent(progress_at(images), names, black, white, **more)


class Recorded:
    """A view with the record that it renders: what one is told, the other was told just before, as in a run.

    Args:
        view: makes the view from its record.
        clock: of the record.
    """

    def __init__(self, view: Callable[[Record], Listener], clock: Callable[[], float] = time.perf_counter) -> None:
        self.record = Record(clock)
        self.view = view(self.record)

    def __getattr__(self, name: str) -> Any:
        of_view = getattr(self.view, name)
        if not hasattr(Listener, name):
            return of_view

        def tell(*details: object) -> None:
            getattr(self.record, name)(*details)
            of_view(*details)

        return tell


def train(listener: Listener, options: Options, steps: Iterable[int], resumed_at: int = 0) -> None:
    """Start a listener at `resumed_at` images and tell it of steps, without a `finish`: as if killed."""
    listener.start(options, progress_at(resumed_at), RunFacts())
    for images in steps:
        listener.after_step(step_event(images))
        if images % IMAGES_PER_EPOCH == 0:
            listener.after_epoch(EpochEvent(progress_at(images), 5.0, 2e-4))
