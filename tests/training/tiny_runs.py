"""Training runs of a few seconds, as processes, and what they leave behind."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tests.methods import METHODS, words

ROOT = Path(__file__).parents[2]
# Convolutions round as on a processor without AVX-512 wherever the tests run: some compare runs whose sums differ in
# order only, with a seed at which no activation is within rounding of a kink of ReLU.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "ONEDNN_MAX_CPU_ISA": "AVX2"}
RUN = {
    "gpu_ids": -1, "num_threads": 0, "n_epochs": 1, "n_epochs_decay": 1, "save_latest_freq": 2, "save_epoch_freq": 1,
    "print_freq": 1, "display_id": 0, "no_html": True,
}  # fmt: skip
TINY = METHODS["cut"] | RUN


@dataclass
class Launcher:
    """A process that forks training runs (see launcher.py)."""

    process: subprocess.Popen

    @classmethod
    def start(cls) -> "Launcher":
        command = [sys.executable, str(Path(__file__).with_name("launcher.py"))]
        pipe = subprocess.PIPE
        return cls(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT, cwd=ROOT))

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def run(self, arguments: list[str], output: Path, **job) -> list[int]:
        """The exit status of each process."""
        job |= {"arguments": arguments, "output": str(output)}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@dataclass
class TinyRun:
    """A run by its folder: started, killed and continued.

    Attributes:
        launcher: starts its processes.
        data: folder of images.
        folder: of the run.
        options: by name, over those of `RUN` and of the method.
        method: of `METHODS`.
        said: what the last process wrote; of several that trained together, the first.
        said_by_all: what each of them wrote.
        statuses: the exit status of each.
    """

    launcher: Launcher
    data: Path
    folder: Path
    options: dict
    method: str = "cut"
    said: str = ""
    said_by_all: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The command line of a fresh start; the value True stands for a flag, None for an option left out."""
        return self.place + words(self.method, **RUN | {"dataroot": self.data} | self.options)

    @property
    def place(self) -> list[str]:
        return ["--name", self.folder.name, "--checkpoints_dir", str(self.folder.parent)]

    def start(self, *more: str, **job) -> int:
        return self._launch([*self.words, *more], job)

    def resume(self, *more: str, **job) -> int:
        """`--continue_train` alone: everything else comes from what the run saved."""
        return self._launch([*self.place, "--continue_train", *more], job)

    def _launch(self, words: list[str], job: dict) -> int:
        output = self.folder.parent / f"{self.folder.name}.out"
        self.statuses = self.launcher.run(words, output, **job)
        files = [output, *(Path(f"{output}{rank}") for rank in range(1, len(self.statuses)))]
        self.said_by_all = [file.read_text() for file in files]
        self.said = self.said_by_all[0]
        return self.statuses[0]


def state_of(folder: Path) -> dict:
    """Everything that a run saved: weights, optimizers, progress with what was measured."""
    saved = {file.name: torch.load(file, weights_only=True) for file in sorted(folder.glob("*.pth"))}
    for content in saved.values():
        if "state" in content:
            content["state"]["evaluations"] = [without_clock(one) for one in content["state"]["evaluations"]]
    return saved


def without_clock(value):
    """JSON without seconds and memory, wherever they stand in it."""
    if not isinstance(value, dict):
        return value
    clock = ("seconds", "seconds_per_image", "data_seconds_per_image", "time", "cost_share", "peak_memory_bytes")
    return {name: without_clock(part) for name, part in value.items() if name not in clock}


def assert_same(one, other, where: str = "") -> None:
    """Bit-equal, tensors inside dictionaries and lists included."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{index}")
    else:
        assert one == other, where


def logs_of(folder: Path) -> tuple[list[dict], list[str]]:
    """metrics.jsonl and loss_log.txt without what depends on the clock or says how often the run was started."""
    entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    entries = [without_clock(entry) for entry in entries if "run" not in entry]
    lines = [line for line in (folder / "loss_log.txt").read_text().splitlines() if not line.startswith("===")]
    return entries, [re.sub(r"time: \S+, data: \S+\)", "", line) for line in lines]
