"""Is this version faster than an earlier one? Both in turn on the same machine, and the ratio of their medians.

    python scripts/speed_against.py 91a8edf --precision bf16
    python scripts/speed_against.py 91a8edf --rounds 5 --CUT_mode FastCUT      any option of train.py

Options that the earlier version does not know (--precision, --layout) go to this one alone. The earlier version is
checked out into a temporary folder (git worktree) and runs its own scripts/benchmark.py with this Python.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import torch

from cut.errors import UserError, exit_status

ROOT = Path(__file__).resolve().parents[1]
NEW_OPTIONS = ("--precision", "--layout")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the earlier version, as git names it")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument("--steps", type=int, default=5, help="steps that count in a run (default %(default)s)")
    own, words = parser.parse_known_args()
    return exit_status(lambda: compare(own.commit, own.rounds, ["--steps", str(own.steps), *words]))


def compare(commit: str, rounds: int, words: list[str]) -> None:
    """Print seconds and memory of every run, and the ratios of the medians."""
    earlier = [
        word for word, before in zip(words, ["", *words[:-1]], strict=True) if not {word, before} & {*NEW_OPTIONS}
    ]
    seconds: dict[str, list[float]] = {"earlier": [], "this": []}
    memory: dict[str, list[float]] = {"earlier": [], "this": []}
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, options: {' '.join(words)}")
    with checked_out(commit) as folder:
        for _ in range(rounds):
            for which, place, said in (("earlier", folder, earlier), ("this", ROOT, words)):
                took, held = measured(place, said)
                seconds[which].append(took)
                memory[which].append(held)
                print(f"{which:8} {took:8.3f} s per iteration, {held:.2f} GB", flush=True)
    before, now = (statistics.median(seconds[which]) for which in ("earlier", "this"))
    print(f"medians  {before:8.3f} s and {now:.3f} s: {before / now:.2f} times as fast as {commit}")
    before, now = (statistics.median(memory[which]) for which in ("earlier", "this"))
    print(f"memory   {before:8.2f} GB and {now:.2f} GB: {now / before:.2f} of it")


def measured(folder: Path, words: list[str]) -> tuple[float, float]:
    """Seconds per iteration and gigabytes at the peak, as the benchmark of a version prints them.

    Raises:
        UserError: when it fails.
    """
    command = [sys.executable, "scripts/benchmark.py", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    took = re.search(r"([\d.]+) s per iteration", done.stdout)
    held = re.search(r"([\d.]+) GB of", done.stdout)
    if done.returncode or not took or not held:
        last = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
        raise UserError(f"The benchmark failed in {folder}: {last}")
    return float(took[1]), float(held[1])


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with a commit, removed afterwards.

    Raises:
        UserError: when git has no such commit.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "earlier")
        git = ["git", "-C", str(ROOT), "worktree"]
        done = subprocess.run([*git, "add", "--detach", str(folder), commit], capture_output=True, text=True)
        if done.returncode:
            raise UserError(
                f"git cannot check out {commit}: {(done.stderr.strip() or 'unknown reason').splitlines()[-1]}"
            )
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
