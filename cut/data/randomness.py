"""Random numbers that depend only on their purpose and key, not on what was drawn before."""

from enum import IntEnum
from functools import lru_cache

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers decides. The numbers are part of every sample: append, never renumber."""

    ORDER = 0  # of the samples of an epoch
    PARTNER = 1  # the image of domain B that goes with one of A
    AUGMENT_A = 2  # crop, zoom, flip of the image of domain A
    AUGMENT_B = 3
    CELLS_A = 4  # which patch of the grid, in single-image training
    CELLS_B = 5


def generator(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """A new generator, determined only by its arguments, such as the epoch and the index in `key`."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))))


@lru_cache(maxsize=8)
def permutation(seed: int, purpose: Purpose, epoch: int, length: int) -> np.ndarray:
    """The numbers 0 … length − 1 in the random order of an epoch."""
    return generator(seed, purpose, epoch).permutation(length)
