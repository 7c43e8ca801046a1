"""What a step needs around it: its batch and its random numbers."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from cut.data.batch import Batch
from cut.models.method import Method
from cut.precision import Arithmetic


def timed(batches: Iterable[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch with the seconds spent waiting for it."""
    iterator = iter(batches)
    while True:
        started = time.perf_counter()
        batch = next(iterator, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - started


def on_device(batches: Iterable[Batch], model: Method) -> Iterable[Batch]:
    """Batches for a model: on an NVIDIA GPU each is sent there ahead; elsewhere they are as they were."""
    return sent_ahead(batches, copy_stream(model.arithmetic)) if model.device.type == "cuda" else batches


def sent_ahead(batches: Iterable[Batch], send: Callable[[Batch], Callable[[], Batch]]) -> Iterator[Batch]:
    """Batches on the device: while one is trained on, the next is on its way.

    Args:
        send: starts to copy a batch; what it returns gives the copy, and is called just before the copy is used.
    """
    arrive = None
    for batch in batches:
        following = send(batch)
        if arrive is not None:
            yield arrive()
        arrive = following
    if arrive is not None:
        yield arrive()


def copy_stream(arithmetic: Arithmetic) -> Callable[[Batch], Callable[[], Batch]]:
    """`send` for `sent_ahead`: copies to an NVIDIA GPU beside its computations. Never run on a GPU yet."""
    stream = torch.cuda.Stream(arithmetic.device)

    def send(batch: Batch) -> Callable[[], Batch]:
        with torch.cuda.stream(stream):
            copy = arithmetic.batch(batch)

        def arrive() -> Batch:
            current = torch.cuda.current_stream(arithmetic.device)
            current.wait_stream(stream)
            for tensor in filter(torch.is_tensor, (copy.source, copy.target, *copy.valid)):
                tensor.record_stream(current)  # so that its memory is not given away while it is used
            return copy

        return arrive

    return send


def step_generator(seed: int, step: int) -> torch.Generator:
    """The source of a step's draws: a function of the seed and the number of steps before it, so nothing is saved."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)  # manual_seed takes 63 bits
