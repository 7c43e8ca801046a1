"""How many processor threads take a step in the least time (`--tune_threads`)."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch

from cut.data.batch import Batch
from cut.errors import counted
from cut.models.method import Method
from cut.processes.group import from_first
from cut.training.undo import Undo

ROUNDS = 3
SECONDS = 20.0  # at most for these rounds, but at least one is measured


def choose_threads(model: Method, undo: Undo, batch: Batch, kinds: Sequence[Any], say: Callable[[str], object]) -> int:
    """Try 1, 2, 4, … threads and all that there are, and set the fastest.

    Args:
        model: as it is before the step; it is the same afterwards.
        undo: takes the trial steps back.
        batch: of the step that comes next.
        kinds: its draws, and those of steps of the other kinds, which may take longer (`step_period`).
        say: takes a sentence about what was found.

    Returns:
        The number; the same in all processes of the run.
    """
    most = torch.get_num_threads()
    counts = sorted({most, *(2**power for power in range(most.bit_length()) if 2**power < most)})

    def seconds_of(count: int) -> float:
        torch.set_num_threads(count)
        started = time.perf_counter()
        with undo.trial():
            for draws in kinds:
                model.train_step(batch, draws)
        return (time.perf_counter() - started) / len(kinds)

    warming_up = sum(map(seconds_of, counts))
    rounds = from_first(lambda: max(1, min(ROUNDS, int(SECONDS / (warming_up * len(kinds))))))
    seconds = [[seconds_of(count) for count in counts] for _ in range(rounds)]  # in turn: other work slows all alike
    medians = dict(zip(counts, map(median, zip(*seconds, strict=True)), strict=True))
    chosen = from_first(lambda: min(counts, key=medians.__getitem__))
    torch.set_num_threads(chosen)
    others = ", ".join(f"{count}: {medians[count]:.2f} s" for count in counts)
    say(f"A step is fastest with {counted(chosen, 'thread')} ({others}), so the run computes with so many.")
    return chosen
