"""Runs recorded from the authors' published implementation, in tests/reference/, rebuilt with this one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cut.data.batch import Batch
from cut.models.draws import Draws
from cut.options import train_options
from cut.registry import MODELS

FOLDER = Path(__file__).parent / "reference"
NOT_OPTIONS = {"isTrain", "gpu_ids", "suffix", "display_id", "pretrained_name", "max_dataset_size", "QS_mode", "alpha"}
CHOICES = {"hneg": {"nce_loss": "hdce"}, "monce": {"nce_loss": "monce"}, "qs": {"model": "cut"}}
"""What a published program of one method stands for here."""


@dataclass
class ReferenceRun:
    """One recorded run: its settings (`facts`) and its arrays (`numbers`)."""

    facts: dict[str, Any]
    numbers: dict[str, np.ndarray]

    @classmethod
    def load(cls, name: str) -> "ReferenceRun":
        facts = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz") as arrays:
            return cls(facts, dict(arrays))

    def model(self, **changes: Any):
        """The model of the run with its recorded starting weights."""
        recorded = self.facts["options"]
        values = {name: value for name, value in recorded.items() if name not in NOT_OPTIONS}
        values |= CHOICES.get(self.facts["what"], {})
        if "QS_mode" in recorded:
            values |= {"nce_sampler": f"qs_{recorded['QS_mode']}", "qs_windows": "published"}
        options = train_options(["--model", values["model"], "--dataroot", "x"]).replace(**values | changes)
        model = MODELS[options.run.model].factory(options)
        for name in ("G", "D", "F"):
            fill(model.networks[name], self.facts["weights"][name])
        return model

    def batch(self) -> Batch:
        source, target = (self._input(side) for side in "AB")
        return Batch(source, target, ("a",) * len(source), ("b",) * len(target))

    def _input(self, side: str) -> Tensor:
        recipe = self.facts["inputs"][side]
        values = np.random.default_rng(recipe["seed"]).uniform(-1, 1, recipe["shape"])
        return torch.from_numpy(values.astype(np.float32))

    def draws(self, step: int) -> Draws:
        flips = self.facts["flips"]
        positions = [self._positions(step, side) for side in "AB"]
        epoch = self.facts["epochs"][step] if "epochs" in self.facts else 1
        options = self.facts["options"]
        last_epoch = options["n_epochs"] + options["n_epochs_decay"]
        return Draws(*positions, bool(flips and flips[step]), epoch=epoch, last_epoch=last_epoch)

    def _positions(self, step: int, side: str) -> tuple[Tensor, ...]:
        keys = (f"step{step}/patch_ids/{side}/{tap}" for tap in range(99))
        return tuple(torch.from_numpy(self.numbers[key]).long() for key in keys if key in self.numbers)


def fill(network: torch.nn.Module, recipe: dict[str, Any]) -> None:
    """Set the recorded starting weights; every parameter's name and shape must be the recorded one, in order."""
    parameters = dict(network.named_parameters())
    assert [[name, list(value.shape)] for name, value in parameters.items()] == recipe["parameters"]
    rng = np.random.default_rng(recipe["seed"])
    for name, shape in recipe["parameters"]:
        values = torch.from_numpy((rng.standard_normal(shape) * recipe["scale"]).astype(np.float32))
        if name.endswith("noise.weight"):
            values.zero_()
        parameters[name].data.copy_(values)
