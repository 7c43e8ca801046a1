"""The losses of steps that a GPU may still be computing, so that the loop need not wait for it after every step.

A step only queues its work there. Whoever reads a loss waits until it is done; on a CPU it always is.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cut.processes.group import averaged

READ_EVERY = 50  # steps, on a GPU


class Losses(Mapping[str, float]):
    """Losses of one step by published name, in logging order, the means over the processes of the run.

    Args:
        logs: scalars on any device. Their values are fetched when one is first asked for, in one wait for the device.

    Attributes:
        waited: seconds of that wait.
    """

    def __init__(self, logs: Mapping[str, Tensor]) -> None:
        self._names, self._unread = tuple(logs), averaged(torch.stack(list(logs.values())))
        self._values: dict[str, float] | None = None
        self.waited = 0.0

    def __getitem__(self, name: str) -> float:
        if self._values is None:
            started = time.perf_counter()
            self._values = dict(zip(self._names, self._unread.tolist(), strict=True))
            self.waited = time.perf_counter() - started
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class TakenStep:
    """A step, and what is to be said of it should its losses be no numbers.

    Attributes:
        losses: of the step.
        seconds: what it took, without waiting for a device.
        where: "epoch 2, image 8 of it (step 10)".
        files: their names.
    """

    losses: Losses
    seconds: float
    where: str
    files: str


class UnreadLosses:
    """The steps whose losses were not looked at yet.

    Processes that train together look after the same steps, so that all of them end when one has to.

    Args:
        device: where the steps run; on a CPU each is looked at when it is done.
    """

    def __init__(self, device: torch.device) -> None:
        self.every = 1 if device.type == "cpu" else READ_EVERY
        self._steps: list[TakenStep] = []
        self._seconds: float | None = None

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return len(self._steps) >= self.every

    @property
    def seconds(self) -> float:
        """What a step takes: the mean of those that the last `take` returned. Before the first one, of those so far."""
        return _mean_seconds(self._steps) if self._seconds is None else self._seconds

    def add(self, step: TakenStep) -> None:
        """Keep a step until `take`."""
        self._steps.append(step)

    def take(self) -> list[TakenStep]:
        """The steps since the last call, oldest first, all of them done."""
        steps, self._steps = self._steps, []
        for step in steps:
            dict(step.losses)
        if steps:
            self._seconds = _mean_seconds(steps)
        return steps


def _mean_seconds(steps: list[TakenStep]) -> float:
    return sum(step.seconds + step.losses.waited for step in steps) / max(len(steps), 1)
