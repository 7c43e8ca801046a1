"""CUDA graphs (`--cuda_graphs`): a step's work is recorded once and then started as one, without Python in between.

A recorded step reads the same memory each time: its images and random numbers are copied there first. What Python
decides in a step cannot change in a recording, so there is one for each kind of step (`Method.kind_of_step`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.method import Method
from cut.options import Options
from cut.processes.group import count
from cut.training.compiled import loss_difference
from cut.training.failures import explained
from cut.training.undo import Undo
from cut.training.unread_losses import Losses

Logs = dict[str, Tensor]

MOST = 8  # recordings; each keeps the memory of a step


class Recorder(Protocol):
    """Records what a function queues on a device."""

    def warm_up(self, run: Callable[[], Logs]) -> None:
        """Run it a few times, for libraries that choose and allocate at first."""

    def record(self, run: Callable[[], Logs]) -> Logs:
        """Record it; what it returns is filled anew by each `replay`."""

    def replay(self) -> None:
        """Do again what was recorded."""


class CudaGraph:
    """`Recorder` of an NVIDIA GPU."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, run: Callable[[], Logs]) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(stream)

    def record(self, run: Callable[[], Logs]) -> Logs:
        with torch.cuda.graph(self._graph):
            return run()

    def replay(self) -> None:
        self._graph.replay()


def require_graphs(options: Options, method: Any, device: torch.device) -> None:
    """
    Args:
        options: of the run.
        method: the class of its method.

    Raises:
        UserError: when its steps cannot be recorded on this device.
    """
    if device.type != "cuda":
        raise UserError("--cuda_graphs needs an NVIDIA GPU: leave it out on a CPU.")
    if count() > 1:
        raise UserError("--cuda_graphs is for one process: leave it out with torchrun.")
    if method.kind_of_step is Method.kind_of_step:
        raise UserError("--cuda_graphs is for --model cut and sincut: the steps of other methods differ.")
    if getattr(options.method, "nce_memory", 0):
        raise UserError("--cuda_graphs cannot record a memory that grows: leave it or --nce_memory out.")


class CapturedSteps:
    """`Method.train_step` by recordings.

    Args:
        model: the method to train.
        undo: takes trial steps back.
        recorder: makes an empty `Recorder`.
    """

    def __init__(self, model: Method, undo: Undo, recorder: Callable[[], Recorder]) -> None:
        self.model, self.undo, self.recorder = model, undo, recorder
        undo.early = True  # a recording steps the optimizers without their hooks
        _begin_moments(model)  # not in a trial, which would take them away from the recordings made there
        self._recorded: dict[Any, _Recorded] = {}

    def __call__(self, batch: Batch, draws: Any) -> Logs:
        kind = self._kind(batch, draws)
        if kind not in self._recorded:
            if len(self._recorded) == MOST:  # forget the oldest
                del self._recorded[next(iter(self._recorded))]
            self._recorded[kind] = _Recorded(self.model, self.undo, self.recorder(), batch, draws)
        return self._recorded[kind](batch, draws)

    def check(self, batch: Batch, draws: Any) -> tuple[str, bool]:
        """Whether two recorded steps give the losses that they give without recording; the second has what the first
        changed.

        Args:
            batch, draws: of the step that comes next.

        Returns:
            A sentence on what was found, and whether to record.
        """
        try:
            expected = self._two(self.model.train_step, batch, draws)
            problem = loss_difference(expected, self._two(self, batch, draws), self.model.arithmetic.precision)
        except Exception as error:  # CUDA's errors have many kinds
            problem = explained(error).removesuffix(".")
        if problem:
            self.undo.early = False
            return f"--cuda_graphs is off for this run: {problem}.", False
        return "Steps are recorded as CUDA graphs; they give the same losses as without.", True

    def _two(self, step: Callable[[Batch, Any], Logs], batch: Batch, draws: Any) -> dict[str, float]:
        with self.undo.trial():
            first = Losses(step(batch, draws))
            second = Losses(step(batch, draws))
            losses = dict(first) | {f"{name} of a second step": value for name, value in second.items()}
        return losses

    def _kind(self, batch: Batch, draws: Any) -> Any:
        """What must be equal for a recording to serve: shapes, and whatever Python decides by."""
        shapes = [tuple(tensor.shape) for tensor in (*_tensors(batch), *_tensors(draws))]
        return self.model.kind_of_step(draws), tuple(shapes)


class _Recorded:
    """One kind of step, recorded on memory of its own."""

    def __init__(self, model: Method, undo: Undo, recorder: Recorder, batch: Batch, draws: Any) -> None:
        self.model, self.recorder = model, recorder
        # The seed is set outside: a recording draws anew, but cannot seed.
        self.batch = model.arithmetic.batch(batch).map(torch.clone, torch.clone)
        self.draws = _cloned(replace(draws, seed=None).to(model.device, model.dtype))
        self.rates = {
            name: [torch.tensor(group["lr"], device=model.device) for group in optimizer.param_groups]
            for name, optimizer in model.optimizers.items()
        }
        with self._device_rates():
            with undo.trial():
                recorder.warm_up(self._run)
            with undo.trial():  # some recorders run what they record
                self.logs = recorder.record(self._run)

    def __call__(self, batch: Batch, draws: Any) -> Logs:
        if draws.seed is not None:
            torch.manual_seed(draws.seed)
        for own, new in zip(_tensors(self.batch), _tensors(batch), strict=True):
            own.copy_(new, non_blocking=True)
        for own, new in zip(_tensors(self.draws), _tensors(draws), strict=True):
            own.copy_(new, non_blocking=True)
        for name, optimizer in self.model.optimizers.items():
            for own, group in zip(self.rates[name], optimizer.param_groups, strict=True):
                own.fill_(group["lr"])
        self.recorder.replay()
        return {name: value.clone() for name, value in self.logs.items()}

    def _run(self) -> Logs:
        return self.model.train_step(self.batch, self.draws)

    @contextmanager
    def _device_rates(self) -> Iterator[None]:
        """Inside, the optimizers read their rates from tensors, which later steps fill, and may be recorded."""
        groups = [
            (group, rate)
            for name, optimizer in self.model.optimizers.items()
            for group, rate in zip(optimizer.param_groups, self.rates[name], strict=True)
        ]
        before = [{key: group[key] for key in ("lr", "capturable")} for group, _ in groups]
        for group, rate in groups:
            group.update(lr=rate, capturable=rate.device.type == "cuda")
        try:
            yield
        finally:
            for (group, _), values in zip(groups, before, strict=True):
                group.update(values)


def _begin_moments(model: Method) -> None:
    """Give every weight the moments that Adam begins with, where it has none: a recording keeps their memory."""
    for optimizer in model.optimizers.values():
        for group in optimizer.param_groups:
            for weight in group["params"]:
                if not optimizer.state[weight]:
                    optimizer.state[weight].update(
                        step=torch.zeros((), dtype=torch.float32, device=weight.device),
                        exp_avg=torch.zeros_like(weight, memory_format=torch.preserve_format),
                        exp_avg_sq=torch.zeros_like(weight, memory_format=torch.preserve_format),
                    )


def _tensors(content: Any) -> list[Tensor]:
    """The tensors of a batch or of draws, in the order of their fields."""
    found: list[Tensor] = []
    for value in (getattr(content, each.name) for each in fields(content)):
        found.extend(item for item in (value if isinstance(value, tuple) else (value,)) if torch.is_tensor(item))
    return found


def _cloned(draws: Any) -> Any:
    """Draws with tensors of their own."""
    changed: dict[str, Any] = {}
    for each in fields(draws):
        value = getattr(draws, each.name)
        if isinstance(value, tuple):
            changed[each.name] = tuple(item.clone() if torch.is_tensor(item) else item for item in value)
        elif torch.is_tensor(value):
            changed[each.name] = value.clone()
    return replace(draws, **changed)
