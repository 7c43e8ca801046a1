"""Processes that load batches before they are needed. If one dies they are replaced; the data keep their order."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import fields
from errno import ENOSPC
from itertools import islice
from multiprocessing.connection import wait as wait_for_end
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cut.data.batch import Batch
from cut.errors import UserError

Key = tuple[int, int]  # (epoch, index) of a sample
Task = list[Key]  # the samples of a batch

AHEAD = 2  # batches that are asked for before they are needed, for each process
PATIENCE = 0.2  # seconds between two looks at whether to stop
TRIES = 3  # processes that may die over the same batch


class Workers:
    """Loads batches in processes of its own, which Ctrl-C and a lost terminal do not reach.

    Batches come as arrays through a pipe. PyTorch's loader would put them into shared memory: a container has little
    room in /dev/shm, and a process that finds it full dies or loses a batch without a word.

    Args:
        load: makes the batch of a task. Processes that are not forked get it pickled.
        count: how many processes.
        context: how they are started ("fork", "spawn", "forkserver"); None for the platform's default.
        pin_memory: put batches in page-locked memory.
        files: names the files of a task, for the sentence about a batch that cannot be loaded.
    """

    def __init__(
        self,
        load: Callable[[Task], Batch],
        count: int,
        *,
        context: str | None = None,
        pin_memory: bool = False,
        files: Callable[[Task], Sequence[str]] = lambda task: (),
    ) -> None:
        self._load, self._count, self._pin_memory, self._files = load, count, pin_memory, files
        self._context = multiprocessing.get_context(context)
        self._pool: ProcessPoolExecutor | None = None
        self._processes: dict[int, Any] = {}  # of the pool, by number
        self._told = False

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return list(self._processes)

    def batches(
        self, tasks: Iterable[Task], stopped: Callable[[], bool], say: Callable[[str], object]
    ) -> Iterator[Batch]:
        """The batches of the tasks, in their order; fewer when `stopped` becomes true while one is waited for.

        Args:
            tasks: those of an epoch.
            stopped: asked several times a second during a wait.
            say: takes the sentence about processes that were replaced.

        Raises:
            UserError: when a batch cannot be loaded, or costs one process after another.
        """
        waiting = iter(tasks)
        asked: deque[Task] = deque()
        futures: deque[Future] = deque()  # of the first tasks in `asked`
        deaths = 0
        try:
            while True:
                asked.extend(islice(waiting, AHEAD * self._count - len(asked)))
                if not asked:
                    return
                try:
                    # After a death one batch at a time, until that works: so the batch that is named is the one.
                    for task in islice(asked, len(futures), 1 if deaths else len(asked)):
                        futures.append(self._submit(task))
                    while not wait([futures[0]], PATIENCE).done:
                        if stopped():
                            return
                    content = futures[0].result()
                except BrokenProcessPool:
                    futures.clear()
                    deaths += 1
                    self._replace(asked[0], deaths, say)
                    continue
                deaths = 0
                asked.popleft()
                futures.popleft()
                if isinstance(content, Exception):
                    raise content
                yield self._received(content)
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """End the processes; the next batches would start new ones."""
        for process in self._processes.values():
            process.kill()  # it has nothing to lose, and may hang
        if self._pool is not None:
            # Killed while it sent a batch, it leaves half a message, and the pool would wait for the rest for ever.
            results: Any = self._pool._result_queue  # has no public name
            results._writer.close()
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._processes = None, {}

    def _submit(self, task: Task) -> Future:
        try:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self._count, self._context, _begin)
            future = self._pool.submit(_sendable, self._load, task)
        except OSError as error:
            room = ", or give a container more of /dev/shm (docker run --shm-size …)" if error.errno == ENOSPC else ""
            raise UserError(
                f"A process that loads images cannot be started ({error.strerror}): use a smaller --num_threads, or "
                f"--num_threads 0 to load them in the main process{room}."
            ) from error
        self._processes.update(self._pool._processes or {})  # has no public name before Python 3.14
        return future

    def _replace(self, task: Task, deaths: int, say: Callable[[str], object]) -> None:
        """End what is left of the pool after one of its processes died, maybe over `task`."""
        died = (
            ", ".join(dict.fromkeys(filter(None, map(_how_it_died, self._processes.values())))) or "for no known reason"
        )
        self.close()
        if deaths >= TRIES:
            files = ", ".join(self._files(task)) or "unknown files"
            raise UserError(
                f"{TRIES} processes that load images ended one after another ({died}) over {files}: there may be "
                "too little memory. Use a smaller --num_threads, or --num_threads 0 to load them in the main "
                "process; give a container more memory (docker run --memory … --shm-size …)."
            )
        if not self._told:
            self._told = True
            say(f"A process that loads images ended ({died}) and was replaced; the order of the images is the same.")

    def _received(self, content: tuple[Any, ...]) -> Batch:
        # Copied, because PyTorch aligns its memory and the pipe does not.
        parts: list[Any] = [torch.tensor(part) if isinstance(part, np.ndarray) else part for part in content]
        batch = Batch(*parts)
        return batch.pin_memory() if self._pin_memory else batch


def _begin() -> None:
    """What a process does first."""
    # Ctrl-C and the SIGHUP of a lost terminal reach the whole group; the main process finishes its step and saves, for
    # which it needs these. SIGTERM ends them, so that the pool can.
    if hasattr(os, "setsid"):
        os.setsid()
    for name, action in (("SIGINT", signal.SIG_IGN), ("SIGHUP", signal.SIG_IGN), ("SIGTERM", signal.SIG_DFL)):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), action)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A main process that is killed ends nobody, and its pipe stays open in the other processes of the pool."""
    if (parent := multiprocessing.parent_process()) is not None:
        wait_for_end([parent.sentinel])
        os._exit(0)


def _sendable(load: Callable[[Task], Batch], task: Task) -> tuple[Any, ...] | Exception:
    """The parts of a batch with arrays for tensors, or the error."""
    try:
        batch = load(task)
        parts = (getattr(batch, each.name) for each in fields(batch))
        return tuple(part.numpy() if isinstance(part, Tensor) else part for part in parts)
    except Exception as error:
        return _portable(error)


def _portable(error: Exception) -> Exception:
    """The error itself where it survives being sent."""
    error.add_note(f"In a process that loads images:\n{traceback.format_exc()}")
    with suppress(Exception):
        pickle.loads(pickle.dumps(error))
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _how_it_died(process: Any) -> str:
    """In words; "" for a process that is alive, or was ended by the pool because another one had died."""
    # The pool's own thread waits for the process too: the one that is second finds no status until the first noted it.
    end = time.monotonic() + 1
    while (status := process.exitcode) is None and time.monotonic() < end:
        time.sleep(0.01)
    if status in (None, 0, -signal.SIGTERM):
        return ""
    if status > 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
