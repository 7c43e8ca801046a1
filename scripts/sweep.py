"""Train several configs with several seeds: one run after the other, several at once, or as jobs of a cluster.

    python scripts/sweep.py configs/maps_cut.yaml configs/maps_cut_focal.yaml --seeds 0 1 2
    python scripts/sweep.py configs/maps_*.yaml --prefix trial_ --n_epochs 5      any option of train.py, for every run
    python scripts/sweep.py configs/maps_*.yaml --jobs 4                          four at once on this machine
    python scripts/sweep.py configs/maps_*.yaml --launcher slurm --slurm slurm_partition=gpu timeout_min=600

A run is named after its config and its seed (maps_CUT_seed0). The same command again skips the runs that are
finished and continues those that were stopped or killed; a run that fails does not stop the others. Ctrl-C lets the
current runs save, and ends the sweep; so does whatever else ends the sweep, even kill -9 (on Linux). At the end it
prints the table of scripts/report.py.

Runs at once share the processor's threads and the GPUs, unless --threads or --gpu_ids is given; what they print goes to
NAME.log beside their folders. With --launcher slurm the runs are handed to the cluster (pip install submitit) and the
sweep ends; a job that is stopped goes on where it was.
"""

import argparse
import shlex
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import torch
import yaml

from cut.device import processors
from cut.errors import UserError, counted, exit_status
from cut.monitoring.reports.runs import read_runs
from cut.monitoring.reports.table import as_markdown, make_report
from cut.options import Options, train_options
from cut.options.machinery.layers import read_yaml
from cut.training.checkpoints import RunFolder, TrainingState
from cut.training.early_stopping import early_stop
from scripts.launchers import Children, hand_in, require_submitit
from scripts.sweep_board import Board

ROOT = Path(__file__).resolve().parents[1]
OURS = {
    "name": "the sweep names its runs by their config and seed; --prefix goes before that",
    "seed": "give --seeds to the sweep",
    "continue_train": "the sweep continues by itself what was stopped",
}
"""Options of train.py that neither the command line nor a config may hold here, and what to do instead."""
ASKS = {"timeout_min": 1440, "gpus_per_node": 1, "cpus_per_task": 5}
"""What a job asks for by default: a day, a GPU, and a processor for the step and for each data worker."""


@dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes:
        config: its file.
        words: what follows train.py to start it.
        alone: what follows sweep.py to train it and no other.
        options: as train.py resolves them.
    """

    config: str
    words: tuple[str, ...]
    alone: tuple[str, ...]
    options: Options

    @property
    def name(self) -> str:
        return self.options.run.name

    @property
    def folder(self) -> Path:
        return self.options.run.folder

    @property
    def log(self) -> Path:
        """What it prints when others train at the same time."""
        return self.folder.with_name(f"{self.name}.log")

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
    """Whether the last epoch is done and, if the run was being measured, was measured too; or it ended early."""
    last = options.training.n_epochs + options.training.n_epochs_decay
    measures = options.evaluation.evaluation_epoch_freq > 0 and state.evaluations
    if state.epoch <= last:
        return early_stop(options.evaluation, state) is not None
    return not measures or state.evaluations[-1]["epoch"] >= last


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
    alone = (config, "--seeds", seed, *(("--prefix", prefix) if prefix else ()), *passed)
    return Run(config, words, alone, train_options(words, to_run=True))


def is_given(name: str, words: Sequence[str]) -> bool:
    return any(word.split("=")[0] == f"--{name}" for word in words)


def next_start(run: Run, failed: dict[str, str]) -> tuple[str, list[str] | None]:
    """As `run.next_start()`, with a run that cannot go on among the failed ones."""
    try:
        return run.next_start()
    except UserError as error:
        failed[run.name] = "cannot go on"
        return f"cannot go on: {' '.join(error.problems)}", None


def share(run: Run, place: int, jobs: int) -> list[str]:
    """Options of train.py that give a run its part of the machine.

    Args:
        place: which of `jobs` runs at once it is, from 0.
    """
    words, gpus = [], torch.cuda.device_count()
    if not run.options.run.threads:
        words += ["--threads", str(max(1, processors() // jobs))]
    if gpus > 1 and run.options.run.gpu_ids == "auto":
        words += ["--gpu_ids", str(place % gpus)]
    return words


def train_all(runs: Sequence[Run], jobs: int = 1) -> int:
    """Train what is not finished, so many runs at once.

    Returns:
        The exit status: 0, 1 when a run failed, or 128 + the signal that stopped the sweep.
    """
    failed: dict[str, str] = {}
    waiting, places, folders = deque(enumerate(runs, start=1)), {}, {run.name: run.folder for run in runs}
    board = Board(len(runs))

    def draw() -> None:
        if jobs > 1:
            done = len(runs) - len(waiting) - len(places) - len(failed)
            board.refresh({name: folders[name] for name in places},
                          {"waiting": len(waiting), "finished": done, "failed": len(failed)})  # fmt: skip

    with Children() as children:
        while (waiting and children.signal is None) or children.running:
            if waiting and children.signal is None and len(children.running) < jobs:
                number, run = waiting.popleft()
                what, words = next_start(run, failed)
                start = f"[{number}/{len(runs)}] {run.name} {what}"
                board.say(start if words is None or jobs == 1 else f"{start} ({run.log})")
                if words is None or children.signal is not None:
                    continue
                places[run.name] = next(place for place in range(jobs) if place not in places.values())
                own = share(run, places[run.name], jobs) if jobs > 1 else []
                log = run.log if jobs > 1 else None
                children.start(run.name, [sys.executable, str(ROOT / "train.py"), *words, *own], log)
                continue
            name, status = children.next_end(draw)
            del places[name]
            if status != 0 and children.signal is None:
                failed[name] = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
                board.say(f"{name} {failed[name]}; the sweep goes on without it.")
            elif jobs > 1:
                board.say(f"{name} {'is finished' if children.signal is None else 'ended'}.")
        board.close()
        if children.signal is not None:
            board.say("The sweep was stopped; the same command goes on.")
            return 128 + children.signal
    return conclude(runs, failed)


def conclude(runs: Sequence[Run], failed: dict[str, str]) -> int:
    """Print the table of the runs and what failed; returns the exit status."""
    records, problems = read_runs(run.folder for run in runs)
    if records:
        print("", as_markdown(make_report(records)), sep="\n", end="")
    for sentence in [*problems, *(f"{name} {why}." for name, why in failed.items())]:
        print(sentence, file=sys.stderr)
    return 1 if failed else 0


def hand_in_all(runs: Sequence[Run], jobs: int | None, asks: Sequence[str]) -> int:
    """Hand what is not finished to a cluster, each run as a sweep of its own, and print the numbers of the jobs.

    Args:
        jobs: so many at once; None for as many as the cluster allows.
        asks: KEY=VALUE, what a job needs, by submitit's names.

    Returns:
        The exit status.

    Raises:
        UserError: when the cluster does not take them.
    """
    require_submitit()
    needs: dict[str, object] = {**ASKS, "name": "sweep"}
    for word in asks:
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"--slurm {word} must be KEY=VALUE, as in timeout_min=600.")
        needs[key] = yaml.safe_load(value)
    if jobs is not None:
        needs["slurm_array_parallelism"] = jobs
    failed: dict[str, str] = {}
    due = []
    for run in runs:
        what, words = next_start(run, failed)
        print(f"{run.name} {what}", flush=True)
        if words is not None:
            due.append(run)
    folder = Path(runs[0].options.run.checkpoints_dir) / "jobs"
    commands = [[sys.executable, str(ROOT / "scripts" / "sweep.py"), *run.alone] for run in due]
    for run, job in zip(due, hand_in(commands, folder, needs) if due else [], strict=True):
        print(f"{run.name} is job {job.job_id}: {job.paths.stdout}")
    if due:
        print(f"{counted(len(due), 'job')} handed in; scripts/report.py shows what they have logged.")
    return 1 if failed else 0


def show(runs: Sequence[Run]) -> int:
    """Print the commands that would run, and as comments which runs would not."""
    for run in runs:
        what, words = next_start(run, {})
        print(f"# {run.name} {what}" if words is None else shlex.join(["python", "train.py", *words]))
    return 0


def main(arguments: Sequence[str]) -> int:
    first_option = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python scripts/sweep.py CONFIG… [--seeds N…] [--prefix TEXT] [--jobs N] [--launcher local|slurm] "
        "[--slurm KEY=VALUE…] [--dry_run] [options of train.py]",
        allow_abbrev=False,
    )
    parser.add_argument("--seeds", nargs="+", default=["0"], metavar="N", help="a run for each of them (default 0)")
    parser.add_argument("--prefix", default="", metavar="TEXT", help="goes before the name of every run")
    parser.add_argument("--jobs", type=int, metavar="N", help="so many runs at once (default 1; slurm: no limit)")
    parser.add_argument("--launcher", choices=("local", "slurm"), default="local", help="who runs them (default local)")
    parser.add_argument(
        "--slurm", nargs="+", default=[], metavar="KEY=VALUE",
        help="what a job asks for, by the names of submitit: timeout_min, gpus_per_node, mem_gb, slurm_partition, …"
        f" (default {' '.join(f'{key}={value}' for key, value in ASKS.items())})",
    )  # fmt: skip
    parser.add_argument("--dry_run", action="store_true", help="print the commands and exit")
    configs = arguments[:first_option]

    def work() -> int:
        own, passed = parser.parse_known_args(arguments[first_option:])
        if not configs:
            raise UserError(
                "Give the configs to train before any option, as in: scripts/sweep.py configs/maps_cut.yaml."
            )
        if own.jobs is not None and own.jobs < 1:
            raise UserError(f"--jobs is {own.jobs} but must be at least 1.")
        if own.slurm and own.launcher != "slurm":
            raise UserError("--slurm says what a job of the cluster asks for: give --launcher slurm with it.")
        runs = plan(configs, own.seeds, own.prefix, passed)
        if own.dry_run:
            return show(runs)
        return hand_in_all(runs, own.jobs, own.slurm) if own.launcher == "slurm" else train_all(runs, own.jobs or 1)

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
