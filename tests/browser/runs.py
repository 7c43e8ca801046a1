"""Training runs of a few seconds that leave pages to look at."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.training.tiny_runs import ENVIRONMENT, ROOT, TINY

SHOWN = {name: value for name, value in TINY.items() if name != "no_html"} | {
    "display_freq": 1, "update_html_freq": 1, "evaluation_freq": 2, "display_winsize": 96, "evaluation_epoch_freq": 0,
}  # fmt: skip
MEASURED = {"n_epochs": 2, "evaluation_epoch_freq": 1, "feature_extractor": "efficientnet_lite0"}
NAMES = ("coast", "river", "hills")
SIZE = (40, 36)  # (width, height) of an image
SIDES = {"trainA": 4, "trainB": 3, "valA": 3, "valB": 3}  # images of each folder; the val ones are aligned


def save_images(root: Path, names: Iterable[str] = NAMES) -> Path:
    """A data set: discs before a slope of colour, at the same places on both sides, in colours of each side's own."""
    across, down = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    for folder, count in SIDES.items():
        (root / folder).mkdir(parents=True)
        slope, disc = ([0.9, 0.6, 0.3], [0.3, 0.8, 0.6]) if folder.endswith("A") else ([0.1, 0.3, 0.7], [0.9, 0.9, 0.5])
        for number, name in zip(range(count), [*names, "more"], strict=False):
            inside = (across - 0.2 - 0.2 * number) ** 2 + (down - 0.5) ** 2 < 0.06
            scene = np.where(inside[..., None], disc, across[..., None] * slope)
            Image.fromarray((255 * scene).astype(np.uint8)).save(root / folder / f"{name}.png")
    return root


def command_line(folder: Path, options: Mapping[str, object]) -> list[str]:
    """The words after `train.py` of a run in `folder`; an option that is None is left out."""
    options = SHOWN | {"name": folder.name, "checkpoints_dir": folder.parent} | dict(options)
    return [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]


def train(folder: Path, **options) -> Path:
    """Train from beginning to end, with options over those of `SHOWN`; returns the folder."""
    command = [sys.executable, "train.py", *command_line(folder, options)]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@dataclass
class HeldRun:
    """A training process that takes the steps it is allowed to, and waits where they end (see held_training.py).

    Attributes:
        folder: of the run.
        process: stands before its next step, unless it has ended.
    """

    folder: Path
    process: subprocess.Popen

    @classmethod
    def start(cls, folder: Path, **options) -> "HeldRun":
        program = Path(__file__).with_name("held_training.py")
        command = [sys.executable, str(program), *command_line(folder, options)]
        pipe = subprocess.PIPE
        with folder.with_suffix(".out").open("w") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=output, text=True
            )
        held = cls(folder, process)
        held._wait()
        return held

    def steps(self, count: int) -> None:
        """Let it take so many steps, and wait until it has."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self._wait()

    def finish(self) -> None:
        """Let it run to its end."""
        self.process.stdin.close()
        assert self.process.wait() == 0, self.folder.with_suffix(".out").read_text()

    def stop(self) -> None:
        """End it wherever it is."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _wait(self) -> None:
        """Until it stands before a step."""
        line = self.process.stdout.readline()
        assert line, self.folder.with_suffix(".out").read_text()
