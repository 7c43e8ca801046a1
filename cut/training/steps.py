"""What a step needs around it: its batch and its random numbers."""

import time
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from cut.data.batch import Batch


def timed(batches: Iterable[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch with the seconds spent waiting for it."""
    iterator = iter(batches)
    while True:
        started = time.perf_counter()
        batch = next(iterator, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - started


def step_generator(seed: int, step: int) -> torch.Generator:
    """The source of a step's draws: a function of the seed and the number of steps before it, so nothing is saved."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)  # manual_seed takes 63 bits
