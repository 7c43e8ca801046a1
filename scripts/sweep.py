"""Train several configs with several seeds, one run after the other.

    python scripts/sweep.py configs/maps_cut.yaml configs/maps_cut_focal.yaml --seeds 0 1 2
    python scripts/sweep.py configs/maps_*.yaml --prefix trial_ --n_epochs 5      any option of train.py, for every run

A run is named after its config and its seed (maps_CUT_seed0). The same command again skips the runs that are
finished and continues those that were stopped or killed; a run that fails does not stop the others. Ctrl-C lets the
current run save, and ends the sweep; so does whatever else ends the sweep, even kill -9 (on Linux). At the end it
prints the table of scripts/report.py.
"""

import argparse
import ctypes
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.errors import UserError, exit_status
from cut.monitoring.reports.runs import read_runs
from cut.monitoring.reports.table import as_markdown, make_report
from cut.options import Options, train_options
from cut.options.machinery.layers import read_yaml
from cut.training.checkpoints import RunFolder, TrainingState

ROOT = Path(__file__).resolve().parents[1]
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
OURS = {
    "name": "the sweep names its runs by their config and seed; --prefix goes before that",
    "seed": "give --seeds to the sweep",
    "continue_train": "the sweep continues by itself what was stopped",
}
"""Options of train.py that neither the command line nor a config may hold here, and what to do instead."""


@dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes:
        config: its file.
        words: what follows train.py to start it.
        options: as train.py resolves them.
    """

    config: str
    words: tuple[str, ...]
    options: Options

    @property
    def name(self) -> str:
        return self.options.run.name

    @property
    def folder(self) -> Path:
        return self.options.run.folder

    def next_start(self) -> tuple[str, list[str] | None]:
        """What is to be done now, in words, and the arguments of train.py for it; None for a finished run.

        Raises:
            UserError: when the run that is there cannot be continued with these options.
        """
        saved = RunFolder(self.folder)
        if not saved.has_run:
            return "starts", list(self.words)
        state = saved.saved_state()
        words = [*self.words, "--continue_train"]
        if self.options.run.epoch != "latest":
            words += ["--epoch", "latest"]  # the given --epoch chose the weights of --pretrained_name to start from
        options = train_options(words, to_run=True)
        if not is_finished(state, options):
            return f"continues in epoch {state.epoch}", words
        return " ".join(["is finished, and skipped.", *(f"But {change}" for change in options.changes)]), None


def is_finished(state: TrainingState, options: Options) -> bool:
    """Whether the last epoch is done and, if the run was being measured, was measured too."""
    last = options.training.n_epochs + options.training.n_epochs_decay
    measures = options.evaluation.evaluation_epoch_freq > 0 and state.evaluations
    return state.epoch > last and (not measures or state.evaluations[-1]["epoch"] >= last)


def plan(configs: Sequence[str], seeds: Sequence[str], prefix: str, passed: Sequence[str]) -> list[Run]:
    """The runs in order: all seeds of a config, then the next config.

    Raises:
        UserError: with a sentence for everything that is wrong, before anything has run.
    """
    problems = [f"--{name} cannot be given to all runs: {why}." for name, why in OURS.items() if is_given(name, passed)]
    if is_given("config", passed):
        problems.append("--config is not needed: list the configs before the first option.")
    if problems:
        raise UserError(*problems)
    runs: list[Run] = []
    by_problem: dict[str, list[str]] = {}
    for config in configs:
        try:
            runs += [run_of(config, seed, prefix, passed) for seed in seeds]
        except UserError as error:
            for problem in error.problems:
                by_problem.setdefault(problem, []).append(config)
    for problem, origins in by_problem.items():
        of_all = len(origins) == len(configs) or origins[0] in problem
        problems.append(problem if of_all else f"{', '.join(origins)}: {problem}")
    by_folder: dict[Path, Run] = {}
    for run in runs:
        first = by_folder.setdefault(run.folder, run)
        if first is not run:
            origins = " and ".join(dict.fromkeys([first.config, run.config]))
            problems.append(f"The run {run.name} would be trained twice, from {origins}: names or seeds must differ.")
    if problems:
        raise UserError(*dict.fromkeys(problems))
    return runs


def run_of(config: str, seed: str, prefix: str, passed: Sequence[str]) -> Run:
    values = read_yaml(Path(config))
    problems = [f"{config} sets {name}, but {why}: remove it there." for name, why in OURS.items()
                if name in values and name != "name"]  # fmt: skip
    if problems:
        raise UserError(*problems)
    name = f"{prefix}{values.get('name', Path(config).stem)}_seed{seed}"
    words = ("--config", config, *passed, "--name", name, "--seed", seed)
    return Run(config, words, train_options(words, to_run=True))


def is_given(name: str, words: Sequence[str]) -> bool:
    return any(word.split("=")[0] == f"--{name}" for word in words)


class Children:
    """Context manager that runs one process at a time and passes on the signals that ask the sweep to stop.

    A process gets a group of its own: the terminal sends Ctrl-C only to the sweep, so that the run gets it once. A
    second one would end it without saving. Where the kernel can (Linux), it is told to stop when the sweep is gone
    without a chance to tell it, as after kill -9 or when memory ran out: nobody would know that it still trains.

    Attributes:
        signal: the number of the last such signal, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._process: subprocess.Popen | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Children":
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def run(self, command: Sequence[str]) -> int:
        """The exit status of a command; negative when a signal ended it."""
        own_group = None if os.name == "nt" else 0  # on Windows the console tells both, and there is nothing to hand on
        self._process = subprocess.Popen(command, process_group=own_group, preexec_fn=end_with_this_process())
        if self.signal is not None:  # it came while the process was made
            self._hand_on()
        status = self._process.wait()
        self._process = None
        return status

    def _receive(self, number: int, frame: object) -> None:
        self.signal = number
        self._hand_on()

    def _hand_on(self) -> None:
        if self._process is not None and os.name != "nt":
            self._process.terminate()  # training saves on any signal, and a run still loading ends quietly


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


def train_all(runs: Sequence[Run]) -> int:
    """Train what is not finished.

    Returns:
        The exit status: 0, 1 when a run failed, or 128 + the signal that stopped the sweep.
    """
    failed: dict[str, str] = {}
    with Children() as children:
        for number, run in enumerate(runs, start=1):
            try:
                what, words = run.next_start()
            except UserError as error:
                what, words = f"cannot go on: {' '.join(error.problems)}", None
                failed[run.name] = "cannot go on"
            print(f"[{number}/{len(runs)}] {run.name} {what}", flush=True)
            if words is None:
                continue
            status = 0
            if children.signal is None:
                status = children.run([sys.executable, str(ROOT / "train.py"), *words])
            if children.signal is not None:
                print("The sweep was stopped; the same command goes on.", flush=True)
                return 128 + children.signal
            if status != 0:
                failed[run.name] = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
                print(f"{run.name} {failed[run.name]}; the sweep goes on without it.", flush=True)
    records, problems = read_runs(run.folder for run in runs)
    if records:
        print("", as_markdown(make_report(records)), sep="\n", end="")
    for sentence in [*problems, *(f"{name} {why}." for name, why in failed.items())]:
        print(sentence, file=sys.stderr)
    return 1 if failed else 0


def show(runs: Sequence[Run]) -> int:
    """Print the commands that would run, and as comments which runs would not."""
    for run in runs:
        try:
            what, words = run.next_start()
        except UserError as error:
            what, words = f"cannot go on: {' '.join(error.problems)}", None
        print(f"# {run.name} {what}" if words is None else shlex.join(["python", "train.py", *words]))
    return 0


def main(arguments: Sequence[str]) -> int:
    first_option = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python scripts/sweep.py CONFIG… [--seeds N…] [--prefix TEXT] [--dry_run] [options of train.py]",
        allow_abbrev=False,
    )
    parser.add_argument("--seeds", nargs="+", default=["0"], metavar="N", help="a run for each of them (default 0)")
    parser.add_argument("--prefix", default="", metavar="TEXT", help="goes before the name of every run")
    parser.add_argument("--dry_run", action="store_true", help="print the commands and exit")
    configs = arguments[:first_option]

    def work() -> int:
        own, passed = parser.parse_known_args(arguments[first_option:])
        if not configs:
            raise UserError(
                "Give the configs to train before any option, as in: scripts/sweep.py configs/maps_cut.yaml."
            )
        runs = plan(configs, own.seeds, own.prefix, passed)
        return show(runs) if own.dry_run else train_all(runs)

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
