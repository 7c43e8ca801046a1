"""The tables of `cut benchmark`: a row for each combination of options, and which to use."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch

from cut.commands import ROOT
from cut.device import choose_device
from cut.errors import UserError
from cut.options import train_options
from cut.precision import Arithmetic
from cut.registry import MODELS

SWEPT = ("model", "precision", "layout", "batch_size")
"""Options that a table can go through."""


@dataclass(frozen=True)
class Figures:
    """What was measured of the steps of a run; medians.

    Attributes:
        images: of a batch, on each side.
        seconds: of an iteration, with waiting for data.
        waiting: the part of them in which no data were there.
        parts: seconds of the parts of a step, by name.
        memory: bytes at the peak; None where the system does not tell.
        parameters: how many, by network.
    """

    images: int
    seconds: float
    waiting: float
    parts: dict[str, float]
    memory: int | None
    parameters: dict[str, int]

    @property
    def weights(self) -> int:
        return sum(self.parameters.values())


Row = tuple[dict[str, str], Figures]  # the options of a row, and what was measured


def choices(given: dict[str, list[str]], sweep: bool, words: Sequence[str]) -> dict[str, list[str]]:
    """The values of each option that a table goes through: those given, or those that `--sweep` adds.

    Raises:
        UserError: for options that cannot be used.
    """
    chosen = {name: values for name, values in given.items() if values}
    if chosen.get("model") == ["all"]:
        chosen["model"] = [entry.name for entry in MODELS.entries() if "train" in entry.phases]
    if sweep:
        first = as_words({name: values[0] for name, values in chosen.items()})
        device = choose_device(train_options([*words, *first]).run.gpu_ids)
        chosen = {"precision": precisions(device), "layout": ["contiguous", "channels_last"],
                  "batch_size": ["1", "2", "4"], **chosen}  # fmt: skip
    return {name: chosen[name] for name in SWEPT if name in chosen}


def precisions(device: torch.device) -> list[str]:
    """Those that a device has."""
    found = []
    for name in ("float32", "tf32", "bf16"):
        try:
            Arithmetic(name, device=device)
        except UserError:
            continue
        found.append(name)
    return found


def table(chosen: dict[str, list[str]], words: Sequence[str]) -> None:
    """Measure every combination in a process of its own, print a row for each, and which to use.

    Raises:
        UserError: when none could be measured.
    """
    widths = {name: max(len(name), *map(len, values)) for name, values in chosen.items()}
    print("  ".join(name.ljust(width) for name, width in widths.items()),
          " s/step  images/s  waiting      GB  parameters")  # fmt: skip
    rows: list[Row] = []
    problems = []
    for values in product(*chosen.values()):
        which = dict(zip(chosen, values, strict=True))
        start = "  ".join(value.ljust(widths[name]) for name, value in which.items())
        try:
            figures = in_own_process([*words, *as_words(which)])
        except UserError as error:
            problems.append(f"{' '.join(as_words(which))}: {error}")
            print(start, "       -", flush=True)
            continue
        rows.append((which, figures))
        memory = "-" if figures.memory is None else f"{figures.memory / 1e9:.2f}"
        rate, waiting = figures.images / figures.seconds, figures.waiting / figures.seconds
        cells = (f"{figures.seconds:7.3f}", f"{rate:8.2f}", f"{waiting:7.1%}", f"{memory:>6}",
                 f"{figures.weights / 1e6:8.2f} M")  # fmt: skip
        print("  ".join([start, *cells]), flush=True)
    if not rows:
        raise UserError(*problems)
    print(*problems, *advice(rows), sep="\n")


def as_words(which: dict[str, str]) -> list[str]:
    return [word for name, value in which.items() for word in (f"--{name}", value)]


def in_own_process(words: Sequence[str]) -> Figures:
    """The figures of one combination, whose memory would else include that of the one before.

    Raises:
        UserError: with what it says when it fails.
    """
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "cut", "benchmark", "--json", *words],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise UserError((done.stderr.strip() or f"it ended with status {done.returncode}").splitlines()[-1])
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def advice(rows: Sequence[Row]) -> list[str]:
    """The fastest precision and layout for each method and batch size, and what that gains."""
    experiments: dict[str, list[Row]] = {}
    for row in rows:
        fixed = {name: row[0][name] for name in SWEPT if name in row[0] and name in ("model", "batch_size")}
        experiments.setdefault(" ".join(as_words(fixed)), []).append(row)
    said = []
    for experiment, own in experiments.items():
        (first, before), (best, now) = own[0], min(own, key=lambda row: row[1].seconds)
        if len(own) > 1:
            how = {name: best[name] for name in SWEPT[1:3] if name in best}
            words = " ".join(filter(None, [experiment, *as_words(how)]))
            memory = f" and in {now.memory / before.memory:.2f} of its memory" if now.memory and before.memory else ""
            reference = " ".join(first[name] for name in how)
            gain = f"{before.seconds / now.seconds:.2f} times as fast as {reference}{memory}"
            said.append(f"Use {words}: {'the fastest' if now is before else gain}.")
    if said:
        said.append("float32 is the published arithmetic, and another batch size is another experiment.")
    return said
