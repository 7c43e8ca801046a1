"""Takes back a training step that failed half-way, so that what is saved then is the state between two steps."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from cut.models.method import Method
from cut.networks.torch_files import tensors_in


class Undo:
    """Copies what a step changes, before each step: weights, statistics and moments; that is one copy of each.

    Args:
        model: the method that is trained.

    Attributes:
        exact: whether the model is as it was between two steps; False after a step that could not be taken back.
    """

    def __init__(self, model: Method) -> None:
        self.model = model
        self.exact = True
        self._live: list[Tensor] = []
        self._copies: list[Tensor] = []

    @contextmanager
    def on_failure(self) -> Iterator[None]:
        """Take the block back when it raises an `Exception`, which goes on."""
        self._remember()
        try:
            yield
        except Exception:
            self.exact = False
            with suppress(Exception):  # a GPU that failed cannot even be read; the first error says more
                self._restore()
                self.exact = True
            raise

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Take the block back when it ends, and when it fails."""
        with suppress(_Taken), self.on_failure():
            yield
            raise _Taken

    @torch.no_grad()
    def _remember(self) -> None:
        networks, optimizers = self.model.networks, self.model.optimizers.values()
        self._states = [{weight: dict(state) for weight, state in each.state.items()} for each in optimizers]
        moments = [value for states in self._states for state in states.values() for value in state.values()]
        live = [*networks.parameters(), *networks.buffers(), *filter(torch.is_tensor, moments)]
        if [id(tensor) for tensor in live] != [id(tensor) for tensor in self._live]:
            self._live, self._copies = live, [tensor.clone() for tensor in live]
        else:
            _copy(self._live, self._copies)
        self._extra = self.model.extra_state()
        self._versions = [tensor._version for _, tensor in tensors_in(self._extra)]

    @torch.no_grad()
    def _restore(self) -> None:
        _copy(self._copies, self._live)
        for optimizer, states in zip(self.model.optimizers.values(), self._states, strict=True):
            optimizer.state.clear()
            optimizer.state.update(states)
        if [tensor._version for _, tensor in tensors_in(self._extra)] != self._versions:
            raise RuntimeError("the step has changed a tensor of `extra_state` in place")
        if self._extra:
            self.model.load_extra_state(self._extra)


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
