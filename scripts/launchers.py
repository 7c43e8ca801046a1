"""How scripts/sweep.py starts runs: as processes of this machine, or as jobs of a cluster (Slurm, through submitit)."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cut.errors import UserError

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
PATIENCE = 0.2  # seconds between two looks at whether a process has ended
SAVING = 80  # seconds that a run gets to save before its job is handed in again; Slurm warns 90 ahead


class Children:
    """Context manager that runs processes and passes on the signals that ask the sweep to stop.

    A process gets a group of its own: the terminal sends Ctrl-C only to the sweep, so that the run gets it once. A
    second one would end it without saving. Where the kernel can (Linux), it is told to stop when the sweep is gone
    without a chance to tell it, as after kill -9 or when memory ran out: nobody would know that it still trains.

    Attributes:
        signal: the number of the last such signal, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._processes: dict[str, subprocess.Popen] = {}
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Children":
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def running(self) -> list[str]:
        """The names of the processes that have not ended, in the order of their start."""
        return list(self._processes)

    def start(self, name: str, command: Sequence[str], log: Path | None = None) -> None:
        """Start a command; what it prints goes to the end of `log`, or to the terminal."""
        own_group = None if os.name == "nt" else 0  # on Windows the console tells both, and there is nothing to hand on
        if log is None:
            process = subprocess.Popen(command, process_group=own_group, preexec_fn=end_with_this_process())
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "ab") as file:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, process_group=own_group,
                    preexec_fn=end_with_this_process(),
                )  # fmt: skip
        self._processes[name] = process
        if self.signal is not None:  # it came while the process was made
            self._hand_on()

    def next_end(self, meanwhile: Callable[[], object] = lambda: None) -> tuple[str, int]:
        """Wait for the first process to end.

        Args:
            meanwhile: called again and again.

        Returns:
            Its name and its exit status; negative when a signal ended it.
        """
        while True:
            for name, process in list(self._processes.items()):
                status = process.poll()
                if status is not None:
                    del self._processes[name]
                    return name, status
            meanwhile()
            time.sleep(PATIENCE)

    def _receive(self, number: int, frame: object) -> None:
        self.signal = number
        self._hand_on()

    def _hand_on(self) -> None:
        if os.name != "nt":
            for process in list(self._processes.values()):
                process.terminate()  # training saves on any signal, and a run still loading ends quietly


def end_with_this_process() -> Callable[[], None] | None:
    """What a new process calls first so that it gets SIGTERM when this one ends in any way; None where that cannot be.

    Only for processes that the main thread starts: the kernel watches the thread.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # our handler would swallow one that comes before the program
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended already
            os._exit(128 + signal.SIGTERM)

    return ask_the_kernel


class Job:
    """A command as a job of submitit, which is handed in again when the cluster takes the machine away.

    The command has to go on by itself with what it has saved.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.process: subprocess.Popen | None = None

    def __call__(self) -> None:
        # A group of its own: the cluster warns a whole group, by a signal that ends who does not expect it.
        self.process = subprocess.Popen(self.command, process_group=0)
        while self.process.poll() is None:  # wait() would hold a lock that `checkpoint`, a signal handler, needs
            time.sleep(PATIENCE)
        if self.process.returncode:
            raise RuntimeError(f"{' '.join(self.command)} ended with status {self.process.returncode}")

    def checkpoint(self) -> Any:
        """Let the command save; returns what is to be handed in."""
        from submitit.helpers import DelayedSubmission

        if self.process is not None:
            self.process.terminate()
            until = time.monotonic() + SAVING
            while self.process.poll() is None and time.monotonic() < until:
                time.sleep(PATIENCE)
        return DelayedSubmission(Job(self.command))


def require_submitit() -> None:
    """
    Raises:
        UserError: when it is not installed.
    """
    if find_spec("submitit") is None:
        raise UserError("--launcher slurm needs the package submitit, which is not installed: pip install submitit.")


def hand_in(
    commands: Sequence[Sequence[str]], folder: Path, asks: Mapping[str, object], cluster: str = "slurm"
) -> list[Any]:
    """Hand commands to a cluster, together; nobody waits for them.

    Args:
        folder: for what submitit writes, by job: the command's output, too.
        asks: what a job needs, by the names of submitit's `update_parameters`.
        cluster: "slurm", or "local" for processes that submitit starts on this machine.

    Returns:
        submitit's `Job` of each command.

    Raises:
        UserError: when there is no such cluster, or it does not know what is asked for.
    """
    require_submitit()
    import cloudpickle
    import submitit

    try:
        executor = submitit.AutoExecutor(folder=folder / "%j", cluster=cluster)
        executor.update_parameters(**asks)
    except Exception as error:  # of many kinds
        raise UserError(f"The jobs cannot be handed in: {str(error).splitlines()[0]}") from error
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)  # the job's Python need not find this file
    try:
        with executor.batch():
            return [executor.submit(Job(command)) for command in commands]
    except Exception as error:
        raise UserError(f"The jobs cannot be handed in: {str(error).splitlines()[0]}") from error
    finally:
        with suppress(ValueError):
            cloudpickle.unregister_pickle_by_value(module)
