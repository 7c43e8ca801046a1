"""Processes that load batches before they are needed. One that dies is replaced, and the order of the data stays."""

import itertools
import multiprocessing
import pickle
import queue
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from cut.data.batch import Batch
from cut.errors import UserError

Key = tuple[int, int]  # (epoch, index) of a sample
Task = list[Key]  # the samples of a batch

AHEAD = 2  # batches that each worker is asked for before they are needed
PATIENCE = 0.2  # seconds between two looks at whether to stop
TRIES = 3  # workers that may die over the same batch


class Workers:
    """Loads batches in processes of its own, which leave SIGINT, SIGTERM and SIGHUP to the main process.

    Batches come through pipes. Shared memory would need room in /dev/shm, of which a container has little, and a worker
    that finds it full dies or loses a batch without a word.

    Args:
        load: makes the batch of a task. Workers that are not forked get it pickled.
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
        self._workers: list[_Worker] = []
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._deaths: Counter[int] = Counter()  # by the number of the task
        self._told = False

    @property
    def pids(self) -> list[int | None]:
        """The numbers of the processes."""
        return [worker.process.pid for worker in self._workers]

    def batches(
        self, tasks: Iterable[Task], stopped: Callable[[], bool], say: Callable[[str], object]
    ) -> Iterator[Batch]:
        """The batches of the tasks, in their order; fewer when `stopped` becomes true while one is waited for.

        Args:
            tasks: those of an epoch. What is left of an earlier epoch is dropped.
            stopped: asked several times a second during a wait.
            say: takes the sentence about a worker that was replaced.

        Raises:
            UserError: when a batch cannot be loaded, or costs one worker after another.
        """
        waiting = iter(tasks)
        wanted: deque[int] = deque()
        loaded: dict[int, Batch | Exception] = {}
        while True:
            while len(self._workers) < self._count:
                self._start()
            for task in itertools.islice(waiting, AHEAD * self._count - len(wanted)):
                wanted.append(next(self._numbers))
                min(self._workers, key=lambda worker: len(worker.tasks)).ask(wanted[-1], task)
            if not wanted:
                return
            number = wanted.popleft()
            while number not in loaded:
                if stopped():
                    return
                with suppress(queue.Empty):
                    worker, answered, content = self._answers.get(timeout=PATIENCE)
                    if answered is None:
                        self._replace(worker, say)
                    elif worker.tasks.pop(answered, None) and (answered == number or answered in wanted):
                        loaded[answered] = content
            content = loaded.pop(number)
            if isinstance(content, Exception):
                raise content
            yield content

    def close(self) -> None:
        """End the processes; the next batches would start new ones."""
        for worker in self._workers:
            worker.process.kill()  # they have nothing to lose
        for worker in self._workers:
            worker.close()
        self._workers = []

    def _start(self) -> None:
        try:
            worker = _Worker(self._context, self._load, self._workers, self._answers, self._pin_memory)
        except OSError as error:
            raise UserError(
                f"A process that loads images cannot be started ({error.strerror}): "
                "use a smaller --num_threads, or --num_threads 0 to load them in the main process."
            ) from error
        self._workers.append(worker)

    def _replace(self, lost: "_Worker", say: Callable[[str], object]) -> None:
        """Start another worker on the tasks of one that died; the first of them is the one that it died over."""
        if lost not in self._workers:
            return
        self._workers.remove(lost)
        lost.close()
        died = _how_it_died(lost.process.exitcode)
        number = next(iter(lost.tasks), None)
        if number is not None:
            self._deaths[number] += 1
            if self._deaths[number] >= TRIES:
                files = ", ".join(self._files(lost.tasks[number])) or "unknown files"
                raise UserError(
                    f"{TRIES} processes that load images ended one after another ({died}) over {files}: there may be "
                    "too little memory. Use a smaller --num_threads, or --num_threads 0 to load them in the main "
                    "process; give a container more memory (docker run --memory … --shm-size …)."
                )
        self._start()
        for number, task in lost.tasks.items():
            self._workers[-1].ask(number, task)
        if not self._told:
            self._told = True
            say(f"A process that loads images ended ({died}) and was replaced; the order of the images is the same.")


class _Worker:
    """One process with its pipe, and the thread of the main process that reads from it.

    Attributes:
        tasks: by number, those it was asked for and has not answered, oldest first.
    """

    def __init__(
        self,
        context: Any,
        load: Callable[[Task], Batch],
        others: "Sequence[_Worker]",
        answers: "queue.SimpleQueue[_Answer]",
        pin_memory: bool,
    ) -> None:
        self.tasks: dict[int, Task] = {}
        self.connection, end = context.Pipe()
        inherited: list[Connection] = []
        if context.get_start_method() == "fork":  # a copy of the main process's end would hide that it is gone
            inherited = [self.connection, *(other.connection for other in others)]
        self.process = context.Process(target=_work, args=(end, load, inherited), daemon=True)
        try:
            self.process.start()
        except OSError:
            self.connection.close()
            raise
        finally:
            end.close()
        self.thread = threading.Thread(target=self._listen, args=(answers, pin_memory), daemon=True)
        self.thread.start()

    def ask(self, number: int, task: Task) -> None:
        self.tasks[number] = task
        with suppress(OSError):  # it is dead, which the thread reports
            self.connection.send((number, task))

    def close(self) -> None:
        """After it died, or was told to."""
        self.process.kill()
        self.process.join()
        self.thread.join()
        self.connection.close()

    def _listen(self, answers: "queue.SimpleQueue[_Answer]", pin_memory: bool) -> None:
        try:
            while True:
                number, content = _receive(self.connection)
                if pin_memory and isinstance(content, Batch):
                    try:
                        content = content.pin_memory()
                    except Exception as error:
                        content = error
                answers.put((self, number, content))
        except Exception:  # mostly the end of the pipe; whatever it is, nothing more can be read
            answers.put((self, None, None))


_Answer = tuple[_Worker, int | None, Any]  # the number of the task and a batch or an error; None: the worker is lost


def _work(connection: Connection, load: Callable[[Task], Batch], inherited: Sequence[Connection]) -> None:
    """What a worker does until the main process is gone."""
    # Ctrl-C, a scheduler's SIGTERM and the SIGHUP of a lost terminal reach the whole process group; the main process
    # finishes its step and saves, for which it needs its workers.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    for other in inherited:
        other.close()
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        while True:
            number, task = connection.recv()
            try:
                message = _packed((number, load(task)))
            except Exception as error:
                message = _packed((number, _portable(error)))
            _send(connection, message)


def _portable(error: Exception) -> Exception:
    """The error itself where it survives being sent."""
    error.add_note(f"In a process that loads images:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


class _Pickler(pickle.Pickler):
    """Tensors as arrays, whose bytes need not be copied into the pickle."""

    def reducer_override(self, value: object) -> Any:
        return (torch.from_numpy, (value.numpy(),)) if isinstance(value, Tensor) else NotImplemented


def _packed(content: object) -> list[Any]:
    """A pickle, and the bytes of its arrays."""
    stream = BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(content)
    return [stream.getvalue(), *(buffer.raw() for buffer in buffers)]


def _send(connection: Connection, message: list[Any]) -> None:
    connection.send([len(part) for part in message])
    for part in message:
        connection.send_bytes(part)


def _receive(connection: Connection) -> Any:
    sizes = connection.recv()
    parts = [torch.empty(size, dtype=torch.uint8).numpy().data for size in sizes]  # aligned as PyTorch's own memory is
    for part in parts:
        connection.recv_bytes_into(part)
    return pickle.loads(parts[0], buffers=parts[1:])


def _how_it_died(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
