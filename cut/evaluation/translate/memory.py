"""How much memory a translation needs and how much there is."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Besides the input and output of the largest operation, there are skip connections, the allocator's slack and the
# workspace of convolutions: on a CPU, the peak is 1.5 times that operation for the ResNets and 2.25 times for the
# StyleGAN2 ones.
_SAFETY = 2.5
_PROBE_SIDE = 512  # pixels; large enough that weights do not count


class _LargestOperation(TorchDispatchMode):
    """Remembers the most bytes that any one operation read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        self.bytes = max(self.bytes, sum(tensor.numel() * tensor.element_size() for tensor in tensors))
        return result


def bytes_per_pixel(network: nn.Module, channels: int) -> float:
    """Working memory, in bytes per pixel of the image, of translating with `network`: an estimate on the safe side.

    Only shapes are needed: a copy of the network, which takes so many channels, runs on the meta device, where nothing
    is computed.
    """
    shadow = copy.deepcopy(network).to("meta")
    with torch.inference_mode(), _LargestOperation() as largest:
        shadow(torch.empty(1, channels, _PROBE_SIDE, _PROBE_SIDE, device="meta"))
    return _SAFETY * largest.bytes / _PROBE_SIDE**2


def free_bytes(device: torch.device) -> float:
    """Memory that a translation on `device` may safely fill, in bytes; infinity when unknown."""
    if device.type == "cuda":
        unused_by_torch = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return 0.9 * (torch.cuda.mem_get_info(device)[0] + unused_by_torch)
    if device.type == "cpu":
        return 0.6 * min(_system_bytes(), _container_bytes())
    return float("inf")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch raised `error` because an allocation failed."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def _system_bytes(meminfo: Path = Path("/proc/meminfo")) -> float:
    """What Linux reports as available: free memory and the caches that it would drop."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return float("inf")


def _container_bytes(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """What a container (cgroup version 2) leaves to its processes; its file cache counts as free."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = float((folder / "memory.current").read_text())
        cache = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())["inactive_file"]
        return float("inf") if limit == "max" else float(limit) - used + float(cache)
    except (OSError, KeyError, ValueError):
        return float("inf")
