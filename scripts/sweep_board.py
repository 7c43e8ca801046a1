"""What scripts/sweep.py shows while several runs train: a line for each that trains, and how many wait and are done."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from cut.errors import UserError
from cut.monitoring.pace import duration
from cut.monitoring.reports.runs import read_run
from cut.terminal import readable
from cut.training.evaluation_table import describe_measures

ON_TERMINAL, ELSEWHERE = 3.0, 600.0  # seconds from one table to the next


class Board:
    """Prints sentences, and below them a table that is drawn again and again in its place on a terminal.

    Elsewhere (a file, a batch system) the table is printed now and then.

    Args:
        total: how many runs there are.
        stream: where it goes; None for standard output.
        clock: gives seconds.
    """

    def __init__(self, total: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.stream, self.clock = total, sys.stdout if stream is None else stream, clock
        self.in_place = self.stream.isatty()
        self._lines = 0  # of the table that is on the terminal
        self._drawn = clock()

    def say(self, sentence: str) -> None:
        """Print a sentence above the table."""
        self._erase()
        print(sentence, file=self.stream, flush=True)

    def refresh(self, training: Mapping[str, Path], counts: Mapping[str, int]) -> None:
        """Draw the table if it is time.

        Args:
            training: the folders of the runs that train, by name.
            counts: how many runs are in each other state, which is named in words.
        """
        if self.clock() - self._drawn < (ON_TERMINAL if self.in_place else ELSEWHERE):
            return
        self._drawn = self.clock()
        self._erase()
        lines = table(self.total, training, counts)
        if self.in_place:
            columns = shutil.get_terminal_size().columns
            lines = [line[: columns - 1] for line in lines]
            self._lines = len(lines)
        print(*lines, sep="\n", file=self.stream, flush=True)

    def close(self) -> None:
        """Take the table away."""
        self._erase()

    def _erase(self) -> None:
        if self._lines:
            print(f"\x1b[{self._lines}F\x1b[J", end="", file=self.stream, flush=True)  # up, and clear to the end
            self._lines = 0


def table(total: int, training: Mapping[str, Path], counts: Mapping[str, int]) -> list[str]:
    """The lines: how many runs are in which state, then one for each run that trains."""
    states = [f"{count} {state}" for state, count in {"training": len(training), **counts}.items() if count]
    width = max(map(len, training), default=0)
    rows = [f"  {name.ljust(width)}  {'  '.join(progress(folder))}" for name, folder in training.items()]
    return [readable(line) for line in (f"{total} runs: {', '.join(states)}", *rows)]


def progress(folder: Path) -> Sequence[str]:
    """How far a run is: epochs, time left and the last measures, as far as it has them."""
    try:
        run = read_run(folder)
    except UserError:
        return ["starting"]
    cells = [f"epoch {min(run.epochs + 1, run.planned)} of {run.planned}"]
    if run.record.epochs and not run.finished:
        seconds = [epoch.seconds for epoch in run.record.epochs]
        cells.append(f"{duration(sum(seconds) / len(seconds) * (run.planned - run.epochs))} left")
    if run.record.evaluations:
        cells.append(describe_measures(run.record.evaluations[-1]))
    return cells
