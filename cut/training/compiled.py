"""torch.compile for parts of the networks (`--compile`), kept only if a step gives the losses that it gives without."""

import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.method import Method
from cut.processes.group import objects_of_all
from cut.training.failures import explained
from cut.training.undo import Undo
from cut.training.unread_losses import Losses

TOLERANCE = {"float32": 1e-3, "tf32": 1e-2, "bf16": 3e-2}  # of a loss: compiled sums are rounded differently


def require_compiler(device: torch.device) -> None:
    """
    Raises:
        UserError: when torch.compile has no compiler for this device.
    """
    if device.type == "cuda" and find_spec("triton") is None:
        raise UserError("--compile needs the package triton for a GPU: install it, or leave --compile out.")
    compilers = (os.environ.get("CXX"), "g++", "clang++", "cl")
    if device.type == "cpu" and not any(shutil.which(name) for name in compilers if name):
        raise UserError("--compile needs a C++ compiler (g++ or clang++): install one, or leave --compile out.")


def compile_checked(model: Method, undo: Undo, batch: Batch, kinds: Sequence[Any]) -> str:
    """Compile the regions of a method's networks, unless steps with them fail or give other losses.

    Args:
        model: as it is before the step; it is the same afterwards, but for what is compiled.
        undo: takes the trial steps back.
        batch: of the step that comes next.
        kinds: its draws, and those of steps of the other kinds, which may use other networks (`step_period`).

    Returns:
        One sentence on what was done.
    """
    regions = [region for network in model.networks.values() for region in getattr(network, "regions", list)()]
    expected = _trial(model, undo, batch, kinds)
    problem = ""
    try:
        for region in regions:
            region.compile()
        problem = loss_difference(expected, _trial(model, undo, batch, kinds), model.arithmetic.precision)
    except Exception as error:  # the compiler's errors have many kinds
        problem = explained(error).removesuffix(".")
    if problem := next(filter(None, objects_of_all(problem)), ""):
        for region in regions:
            _forget_compiled(region)
        return f"--compile is off for this run: {problem}."
    return f"{len(regions)} parts of the networks are compiled; a step gives the same losses as without."


def _trial(model: Method, undo: Undo, batch: Batch, kinds: Sequence[Any]) -> Mapping[str, float]:
    """The losses of one step of each kind; of a name that several log, the last."""
    losses: dict[str, float] = {}
    with undo.trial():
        for draws in kinds:
            losses |= Losses(model.train_step(batch, draws))
    return losses


def loss_difference(expected: Mapping[str, float], losses: Mapping[str, float], precision: str) -> str:
    """Which loss differs by more than rounding, as a phrase; "" where none does."""
    tolerance = TOLERANCE[precision]
    for name, value in expected.items():
        if not abs(losses[name] - value) <= tolerance * max(1.0, abs(value)):
            return f"the loss {name} of a step became {losses[name]:.6g} with it, and is {value:.6g} without"
    return ""


def _forget_compiled(region: nn.Module) -> None:
    region._compiled_call_impl = None  # what `Module.compile` sets; PyTorch has no call that takes it back
