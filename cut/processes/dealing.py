"""Random numbers that a pass through a network draws for its images (dropout, noise), shared out among the processes.

Every process draws for the images of all, from one seed, and takes its own: N processes draw what one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cut.lazy import torch
from cut.processes.group import count, rank

if TYPE_CHECKING:
    from torch import Tensor

_share = 0  # images that a process has of the batch of the step under way; 0 outside of steps


@contextmanager
def dealing(images: int) -> Iterator[None]:
    """Inside, `dealt` shares out what is drawn for a batch of which each process has so many images."""
    global _share
    before, _share = _share, images
    try:
        yield
    finally:
        _share = before


def in_shared_step() -> bool:
    """Whether all processes are in one step, each with its share of a batch. Outside of steps each works by itself."""
    return count() > 1 and _share > 0


def is_dealt(images: int) -> bool:
    """Whether a pass over so many images of this process needs `dealt`."""
    return in_shared_step() and images % _share == 0


def dealt(draw: Callable[[int], Tensor], images: int) -> Tensor:
    """What is drawn for the images of a pass of this process.

    Args:
        draw: makes (n, …) for n images.
        images: of the pass: the share of the batch, or several sets of so many images in a row ([source; target]).
    """
    if not is_dealt(images):
        return draw(images)
    every = draw(count() * images).split(_share)  # for each set of images the shares of all processes in turn
    return torch.cat(every[rank() :: count()])
