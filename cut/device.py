"""Where a run computes, and what its system allows."""

import ctypes
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch

from cut.errors import UserError
from cut.processes.launch import Launch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def choose_device(gpu_ids: str, threads: int = 0, place: Launch | None = None) -> torch.device:
    """The device that `--gpu_ids` names, with this process set up for it.

    Args:
        gpu_ids: "auto" (GPU 0 if there is one, else the CPU), "-1" (the CPU) or the number of one GPU.
        threads: processor threads that compute; 0 leaves it to PyTorch, which takes one for each core.
        place: of this process among several that train together, of which each takes a GPU of its own.

    Raises:
        UserError: when there is no such GPU.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    place = Launch() if place is None else place
    if threads:
        torch.set_num_threads(threads)
    if gpu_ids == "auto":
        gpu_ids = str(place.local_rank) if count else "-1"
    elif gpu_ids != "-1" and place.count > 1:
        raise UserError(f"torchrun gives each process a GPU of its own: leave out --gpu_ids {gpu_ids}.")
    number = int(gpu_ids)
    if number >= count > 0 and place.count > 1:
        raise UserError(f"This machine has {count} GPUs: start no more processes (--nproc_per_node {count}).")
    if number < 0:
        keep_freed_memory()
        return torch.device("cpu")
    if number >= count:
        found = f"this machine has {count}, numbered from 0" if count else "PyTorch finds no GPU here"
        raise UserError(f"--gpu_ids {gpu_ids} asks for a GPU that is not there ({found}); --gpu_ids -1 uses the CPU.")
    return torch.device(f"cuda:{number}")


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for its next tensors.

    glibc gives a large block back to the system at once, and the next tensor gets its pages one by one, zeroed: a sixth
    of a training step on a CPU. Where the C library is another one, nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, -1)  # never


def describe_device(device: torch.device, gpu_ids: str, processes: int = 1) -> str:
    """Where the run computes and why; on a CPU also whether fewer threads would be faster, for which it looks."""
    if processes > 1:
        kind = f"each on a GPU ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "on CPUs"
        return f"Computing in {processes} processes, {kind}."
    if device.type == "cuda":
        return f"Computing on GPU {device.index} ({torch.cuda.get_device_name(device)})."
    sentence = "Computing on the CPU" + (": PyTorch finds no GPU here." if gpu_ids == "auto" else ".")
    threads, count, busy = torch.get_num_threads(), processors(), busy_processors()
    free = max(1, count - round(busy))
    if round(busy) and threads > free:
        sentence += (
            f" Other programs keep {min(round(busy), count)} of {count} processors busy, and threads that have to wait "
            f"hold up the rest: --threads {free} is likely to be faster than the {threads} of this run."
        )
    return sentence


def device_name(device: torch.device) -> str:
    """The device's name for messages and pages: the GPU's model, or "CPU"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def peak_memory_bytes(device: torch.device) -> int | None:
    """The most memory that this process has held so far: the tensors on a GPU, or all of it on the CPU.

    Returns:
        Bytes, or None where the system does not report it (Windows, on the CPU).
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def busy_processors(seconds: float = 0.2) -> float:
    """How many of the processors that this process may use are busy while it does nothing for so long.

    0 where the system does not tell (other than Linux).
    """
    before = _ticks()
    time.sleep(seconds)
    after = _ticks()
    shares = []
    for number, (idle, total) in after.items():
        idle_before, total_before = before.get(number, (idle, total))
        shares.append(1 - (idle - idle_before) / (total - total_before) if total > total_before else 0.0)
    return sum(shares)


def _ticks() -> dict[int, tuple[int, int]]:
    """The time that each of our processors was idle, and all of its time, by its number."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    ticks = {}
    with suppress(OSError):
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in allowed:
                counts = [int(field) for field in fields[:8]]  # what follows is part of the first two
                ticks[int(name[3:])] = (counts[3] + counts[4], sum(counts))  # idle, and waiting for a disk
    return ticks


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require_open_files(workers: int) -> None:
    """See that so many processes that load images can be started, raising this process's own limit where it may.

    Raises:
        UserError: when the system allows too few open files.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    workers = min(workers, os.cpu_count() or 1)  # no more are started
    needed = 40 + 12 * workers  # libraries, logs and images; pipes, and batches on their way
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed or not workers:
        return
    with suppress(OSError, ValueError):
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft < needed:
        raise UserError(
            f"This system allows {soft} open files (ulimit -n), too few for processes that load images, which need "
            f"{needed}: raise the limit, or use --num_threads 0."
        )
