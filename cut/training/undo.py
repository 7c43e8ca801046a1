"""Takes back a training step that failed half-way, so that what is saved then is the state between two steps."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from cut.models.method import Method
from cut.networks.torch_files import tensors_in


class Undo:
    """Copies what a step changes: an optimizer's weights and moments just before it steps, the rest before the step.

    When an optimizer steps, the feature maps are gone, so the copies seldom add to the most memory that is needed.

    Args:
        model: the method that is trained.

    Attributes:
        exact: whether the model is as it was between two steps; False after a step that could not be taken back.
        early: copy everything before a step. For steps whose optimizers are not seen: those of a CUDA graph.
    """

    def __init__(self, model: Method) -> None:
        self.model = model
        self.exact = True
        self.early = False
        self._open: list[_Before] = []  # one for each block under way; blocks may be inside one another
        for optimizer in model.optimizers.values():
            optimizer.register_step_pre_hook(self._before_optimizer)

    @contextmanager
    def on_failure(self) -> Iterator[None]:
        """Take the block back when it raises an `Exception`, which goes on."""
        before = _Before(self.model, self.early)
        self._open.append(before)
        try:
            yield
        except Exception:
            self.exact = False
            with suppress(Exception):  # a GPU that failed cannot even be read; the first error says more
                before.restore()
                self.exact = True
            raise
        finally:
            self._open.remove(before)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Take the block back when it ends, and when it fails."""
        with suppress(_Taken), self.on_failure():
            yield
            raise _Taken

    def _before_optimizer(self, optimizer: Optimizer, *_: Any) -> None:
        for before in self._open:
            before.keep(optimizer)


class _Before:
    """What the model was, as far as it was kept before it changed."""

    @torch.no_grad()
    def __init__(self, model: Method, early: bool) -> None:
        self.model, self.optimizers = model, list(model.optimizers.values())
        self.states = [{weight: dict(state) for weight, state in each.state.items()} for each in self.optimizers]
        self.extra = model.extra_state()
        self.versions = self._versions()
        self.kept: set[Optimizer] = set()
        self.live: list[Tensor] = []
        self.copies: list[Tensor] = []
        stepped = {weight for optimizer in self.optimizers for weight in _weights(optimizer)}
        self._copy(weight for weight in model.networks.parameters() if weight not in stepped)
        self._copy(model.networks.buffers())
        if early:
            for optimizer in self.optimizers:
                self.keep(optimizer)

    @torch.no_grad()
    def keep(self, optimizer: Optimizer) -> None:
        """Copy the weights and the moments of an optimizer, unless that was done."""
        if optimizer not in self.kept:
            self.kept.add(optimizer)
            self._copy(_weights(optimizer))
            moments = (value for state in optimizer.state.values() for value in state.values())
            self._copy(filter(torch.is_tensor, moments))

    @torch.no_grad()
    def restore(self) -> None:
        """Make the model what it was."""
        _copy(self.copies, self.live)
        for optimizer, states in zip(self.optimizers, self.states, strict=True):
            optimizer.state.clear()
            optimizer.state.update(states)
        if self._versions() != self.versions:
            raise RuntimeError("the step has changed a tensor of `extra_state` in place")
        if self.extra:
            self.model.load_extra_state(self.extra)

    def _versions(self) -> list[int]:
        return [tensor._version for _, tensor in tensors_in(self.extra)]

    def _copy(self, tensors: Iterable[Tensor]) -> None:
        live = list(tensors)
        copies = [torch.empty_like(tensor) for tensor in live]
        _copy(live, copies)
        self.live += live
        self.copies += copies


def _weights(optimizer: Optimizer) -> Iterator[Tensor]:
    return (weight for group in optimizer.param_groups for weight in group["params"])


class _Taken(Exception):
    """Ends a trial, so that it is taken back."""


def _copy(sources: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
    """Copy many small tensors with few calls."""
    kinds: dict[Any, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
    for source, target in zip(sources, targets, strict=True):
        for tensors, tensor in zip(kinds[source.device, source.dtype], (source, target), strict=True):
            tensors.append(tensor)
    for some, others in kinds.values():
        torch._foreach_copy_(others, some)
