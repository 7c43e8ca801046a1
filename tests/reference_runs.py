"""Runs recorded from the authors' published implementation, in tests/reference/, rebuilt with this one."""

import json
from collections.abc import Sequence
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
NEW_NAMES = {
    "loadSize": "load_size", "fineSize": "crop_size", "batchSize": "batch_size", "niter": "n_epochs",
    "niter_decay": "n_epochs_decay", "which_direction": "direction", "identity": "lambda_identity",
}  # fmt: skip
"""Options of programs of 2017 and 2018 → the names that they have here."""
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

    @property
    def options(self) -> dict[str, Any]:
        """The options that the published code parsed, by the names that they have here."""
        return {NEW_NAMES.get(name, name): value for name, value in self.facts["options"].items()}

    def sides(self, step: int, dtype: torch.dtype) -> Batch:
        """The batch of a step, as `direction` has it."""
        images = {}
        for letter, recipe in self.facts["inputs"].items():
            values = np.random.default_rng(recipe["seed"]).uniform(-1, 1, recipe["shape"]).astype(np.float32)
            images[letter] = torch.from_numpy(values[step] if recipe.get("per_step") else values).to(dtype)
        source, target = "AB" if self.options["direction"] == "AtoB" else "BA"
        return Batch(images[source], images[target])

    def places(self, pool: str, step: int) -> tuple[int | None, ...]:
        """What `ImagePool.draw` returned for each image of a step."""
        return tuple(None if draw is None else draw[1] for draw in self.facts["pool"][pool][step])

    def assert_gradients(self, networks: torch.nn.ModuleDict, tolerance: float = 1e-3) -> None:
        """The gradients of the first step, relative to the larger of their norm and a thousandth of the network's."""
        for network in self.facts["weights"]:
            recorded = {key: values for key, values in self.numbers.items() if key.startswith(f"grad/{network}/")}
            largest = max(values[0] for values in recorded.values())
            for parameter, value in networks[network].named_parameters():
                expected = recorded[f"grad/{network}/{parameter}"]
                if parameter.endswith("bias") and expected[0] < 1e-4 * largest:
                    continue  # it feeds an instance norm, so its gradient is rounding noise
                own = torch.zeros_like(value) if value.grad is None else value.grad
                gradient, allowed = own.flatten().double(), tolerance * max(expected[0], 1e-3 * largest)
                assert abs(gradient.norm().item() - expected[0]) <= allowed, f"{network} {parameter}"
                np.testing.assert_allclose(
                    gradient[: len(expected) - 1], expected[1:], rtol=0, atol=allowed, err_msg=f"{network} {parameter}"
                )

    def model(self, dtype: torch.dtype = torch.float32, **changes: Any):
        """The model of the run with its recorded starting weights, in a precision.

        Beyond the losses of the first step, compare in float64: where an activation is within rounding of 0, the kink
        of ReLU makes the gradients of two processors differ by more than rounding, and those of float64 are certain.
        """
        recorded = self.facts["options"]
        values = {name: value for name, value in recorded.items() if name not in NOT_OPTIONS}
        values |= CHOICES.get(self.facts["what"], {})
        if "QS_mode" in recorded:
            values |= {"nce_sampler": f"qs_{recorded['QS_mode']}", "qs_windows": "published"}
        options = train_options(["--model", values["model"], "--dataroot", "x"]).replace(**values | changes)
        model = MODELS[options.run.model].factory(options, dtype=dtype)
        for name in ("G", "D", "F"):
            fill(model.networks[name], self.facts["weights"][name])
        return model

    def batch(self, dtype: torch.dtype = torch.float32) -> Batch:
        source, target = (self._input(side).to(dtype) for side in "AB")
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
        gains = recipe.get("one_plus")  # where the file says which weights are those of norms
        is_gain = name in gains if gains is not None else name.endswith(".weight") and len(shape) == 1
        values = torch.from_numpy((is_gain + rng.standard_normal(shape) * recipe["scale"]).astype(np.float32))
        if name.endswith("noise.weight"):
            values.zero_()
        parameters[name].data.copy_(values)


def recorded_normals(step: int, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    """The N(0, 1) numbers of a step of the runs of MUNIT and DRIT, in the order of the draws."""
    return [
        torch.from_numpy(np.random.default_rng([900, step, number]).standard_normal(shape).astype(np.float32))
        for number, shape in enumerate(shapes)
    ]
