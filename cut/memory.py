"""How much memory there is, and whether networks fit into it."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cut.errors import UserError

TRAINING_COPIES = 4  # of a weight: itself, its gradient and the two moments of Adam


def available_bytes(device: torch.device) -> float:
    """Memory on `device` that nobody uses, in bytes; infinity when unknown."""
    if device.type == "cuda":
        unused_by_torch = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused_by_torch
    if device.type == "cpu":
        return min(system_bytes(), container_bytes())
    return float("inf")


def build_in_memory(build: Callable[[], nn.Module], what: str, is_train: bool) -> nn.Module:
    """What `build` makes, unless this machine cannot hold it: filling the memory would stop other programs too.

    Args:
        build: makes a network on torch's default device. It is called once more, on the meta device, for its shapes.
        what: how the message names it, with the option that makes it smaller.
        is_train: whether gradients and moments are needed too.

    Raises:
        UserError: when its weights alone need more memory than is free.
    """
    on_meta = torch.get_default_device().type == "meta"
    try:
        with torch.device("meta"):
            network = build()
        copies = TRAINING_COPIES if is_train else 1
        needed = copies * sum(value.numel() * value.element_size() for value in network.state_dict().values())
    except (RuntimeError, OverflowError) as error:
        if "overflow" not in str(error).lower():
            raise
        needed = 2**63  # more than PyTorch can count
    require(needed, f"{what} needs at least", torch.device("cpu"))  # where all are made, wherever they go then
    return network if on_meta else build()


def require(needed: float, phrase: str, device: torch.device) -> None:
    """Refuse what needs more than the free memory of a device, in bytes.

    Raises:
        UserError: the phrase with both numbers.
    """
    free = available_bytes(device)
    if needed > free:
        raise UserError(f"{phrase} {_shown(needed)} of memory, and {_shown(free)} are free: choose a smaller number.")


def _shown(count: float) -> str:
    return f"{count / 1e9:,.0f} GB" if count >= 1e10 else f"{count / 1e6:,.0f} MB"


class LargestOperation(TorchDispatchMode):
    """Remembers the most bytes that any one operation read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        self.bytes = max(self.bytes, sum(tensor.numel() * tensor.element_size() for tensor in tensors))
        return result


def system_bytes(meminfo: Path = Path("/proc/meminfo")) -> float:
    """What Linux reports as available: free memory and the caches that it would drop."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return float("inf")


def container_bytes(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """What a container (cgroup version 2) leaves to its processes; its file cache counts as free."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = float((folder / "memory.current").read_text())
        cache = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())["inactive_file"]
        return float("inf") if limit == "max" else float(limit) - used + float(cache)
    except (OSError, KeyError, ValueError):
        return float("inf")
