"""What the processes of a run tell each other. Alone, a process gets back what it gave.

N processes with b images each train as one process does with N · b images. A loss that is a mean over images needs
nothing for it, as the gradients are averaged (`average_gradients`). What looks at several images of a batch at once
(negatives from the whole batch, batch norm, image pools) asks for those of all processes (`gathered`, `summed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from cut.errors import RunFailed, UserError, is_out_of_memory
from cut.lazy import torch
from cut.processes.launch import Launch, launch

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

PATIENCE = timedelta(hours=2)  # the others wait while the first process measures or saves
BUCKET = 2**23  # numbers sent at once, 32 MiB in float32: few messages, little memory


class OtherProcessEnded(RunFailed):
    """Another process of the run failed or was killed, so this one cannot go on."""

    def __init__(self) -> None:
        super().__init__("another process of this run has ended.")


# ---------------------------------------------------------------------- who is there


def count() -> int:
    """Processes that train together."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def is_first() -> bool:
    """Whether this process is the one that saves, says and monitors."""
    return rank() == 0


def own_share(images: int) -> slice:
    """Which images of the whole batch this process has, given how many it has."""
    return slice(rank() * images, (rank() + 1) * images)


@contextmanager
def joined(device: torch.device, place: Launch | None = None) -> Iterator[None]:
    """Inside, the processes that torchrun started talk to each other; without torchrun there is one.

    Args:
        device: where this process computes.
        place: of this process; by default what torchrun says.
    """
    place = launch() if place is None else place
    if device.type == "cuda":
        torch.cuda.set_device(device)  # of streams and graphs too, which do not say where
    if place.count == 1:
        yield
        return
    backend = "gloo" if device.type == "cpu" else f"cpu:gloo,{device.type}:nccl"
    torch.distributed.init_process_group(backend, rank=place.rank, world_size=place.count, timeout=PATIENCE)
    try:
        yield
    except OtherProcessEnded:
        if place.is_first:
            raise
        raise SystemExit(OtherProcessEnded.exit_status) from None  # the first one says it
    torch.distributed.destroy_process_group()  # not after a failure: it would wait for processes that are gone


@contextmanager
def reporting_together() -> Iterator[None]:
    """Let a `UserError` of any process end all of them, and the first one say it.

    Raises:
        UserError: in the first process, with the problems of all.
        SystemExit: in the others.
    """
    problems: tuple[str, ...] = ()
    try:
        yield
    except UserError as error:
        if count() == 1:
            raise
        problems = error.problems
    found = [problem for each in objects_of_all(problems) for problem in each]
    if found:
        end_all(UserError(*dict.fromkeys(found)))


def end_all(error: UserError) -> NoReturn:
    """End with an error that every process has found; the first one says it.

    Raises:
        UserError: in the first process.
        SystemExit: in the others.
    """
    if is_first():
        raise error
    raise SystemExit(error.exit_status)


# ---------------------------------------------------------------------- numbers


def average_gradients(weights: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over all processes.

    Every process must have gradients for the same weights.
    """
    if count() == 1:
        return
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    for bucket in _buckets(gradients):
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        talk(torch.distributed.all_reduce, flat)
        parts = flat.div_(count()).split([gradient.numel() for gradient in bucket])
        for gradient, part in zip(bucket, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))


def averaged(values: Tensor) -> Tensor:
    """The mean over all processes, without a graph."""
    return summed(values.detach()) / count()


def summed(values: Tensor) -> Tensor:
    """The sum over all processes, of any shape that all share; gradients of all orders go back to every process."""
    if count() == 1:
        return values
    from cut.processes.graph import Sum  # only now: --help needs no PyTorch

    return Sum.apply(values)


def gathered(images: Tensor) -> Tensor:
    """(B, …) of each process → (N · B, …) in the order of the ranks; gradients go back to every process.

    A loss of the result is one of the whole batch, the same in every process.
    """
    if count() == 1:
        return images
    from cut.processes.graph import Gather

    return Gather.apply(images)


def _buckets(tensors: list[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in order, as many at a time as fit in a bucket, of one kind."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        full = sum(one.numel() for one in bucket) + tensor.numel() > BUCKET
        if bucket and (full or tensor.dtype != bucket[0].dtype or tensor.device != bucket[0].device):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


# ---------------------------------------------------------------------- other things


def objects_of_all(value: T) -> list[T]:
    """What each process has, in the order of the ranks. Anything that can be pickled."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    talk(torch.distributed.all_gather_object, values, value)
    return values


def from_first(make: Callable[[], T]) -> T:
    """What the first process makes; the others wait for it.

    Raises:
        Exception: whatever `make` raises, in all processes.
    """
    if count() == 1:
        return make()
    outcome: list[Any] = [None, None]
    if is_first():
        try:
            outcome = [make(), None]
        except Exception as error:
            outcome = [None, error]
    talk(torch.distributed.broadcast_object_list, outcome, 0)
    value, problem = outcome
    if problem is not None:
        raise problem
    return value


def talk(operation: Callable[..., Any], *arguments: Any) -> None:
    """Call an operation in which all processes take part.

    Raises:
        OtherProcessEnded: when a process is gone.
    """
    try:
        operation(*arguments)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise OtherProcessEnded from error
