"""Is this version faster than an earlier one? Both in turn on the same machine, and the ratio of their medians.

    python scripts/speed_against.py 91a8edf --precision bf16
    python scripts/speed_against.py 91a8edf --rounds 5 --CUT_mode FastCUT      any option of train.py
    python scripts/speed_against.py 91a8edf --images 200 --precision bf16      test.py, with any option of it

Without --images it compares training steps, with it translating so many images of datasets/bluemarble, enlarged to
--load_size, by a generator with random weights: reading, translating and writing, but not starting. Options that the
earlier version does not know (--precision, --layout, --convolutions, --threads, --test_batch_size) go to this one
alone. The earlier version is checked out into a temporary folder (git worktree) and runs with this Python.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import torch
from PIL import Image

from cut.data.files import images_in
from cut.errors import UserError, exit_status
from cut.models.build import build_generator
from cut.networks.weights import export_weights
from cut.options import test_options

ROOT = Path(__file__).resolve().parents[1]
TILES = ROOT / "datasets" / "bluemarble"
NEW_OPTIONS = ("--precision", "--layout", "--convolutions", "--threads", "--test_batch_size")
NAME = "random_weights"

Figures = tuple[float, float | None]  # seconds, and gigabytes of memory at the peak where they are known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the earlier version, as git names it")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument("--steps", type=int, default=5, help="steps that count in a run (default %(default)s)")
    parser.add_argument("--images", type=int, help="compare test.py on so many images instead of training steps")
    own, words = parser.parse_known_args()

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            if own.images is None:
                compare(own.commit, own.rounds, ["--steps", str(own.steps), *words], "iteration", step_figures)
            else:
                words[:0] = make_test_run(Path(folder), own.images, words)
                compare(own.commit, own.rounds, words, "image", lambda *of: image_figures(own.images, *of))

    return exit_status(work)


def compare(
    commit: str, rounds: int, words: list[str], unit: str, measure: Callable[[Path, list[str]], Figures]
) -> None:
    """Print the figures of every run, and the ratios of their medians.

    Args:
        unit: what the seconds are for.
        measure: the figures of a version in a folder with options.
    """
    earlier = [
        word for word, before in zip(words, ["", *words[:-1]], strict=True) if not {word, before} & {*NEW_OPTIONS}
    ]
    figures: dict[str, list[Figures]] = {"earlier": [], "this": []}
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, options: {' '.join(words)}")
    with checked_out(commit) as folder:
        for _ in range(rounds):
            for which, place, said in (("earlier", folder, earlier), ("this", ROOT, words)):
                took, held = measure(place, said)
                figures[which].append((took, held))
                memory = "" if held is None else f", {held:.2f} GB"
                print(f"{which:8} {took:8.3f} s per {unit}{memory}", flush=True)
    before, now = (statistics.median(took for took, _ in figures[which]) for which in ("earlier", "this"))
    print(f"medians  {before:8.3f} s and {now:.3f} s: {before / now:.2f} times as fast as {commit}")
    sizes = [[held for _, held in figures[which] if held is not None] for which in ("earlier", "this")]
    if all(sizes):
        before, now = map(statistics.median, sizes)
        print(f"memory   {before:8.2f} GB and {now:.2f} GB: {now / before:.2f} of it")


def step_figures(folder: Path, words: list[str]) -> Figures:
    """Seconds per iteration and gigabytes at the peak, as the benchmark of a version prints them.

    Raises:
        UserError: when it fails.
    """
    printed = run(folder, "scripts/benchmark.py", words)
    took = re.search(r"([\d.]+) s per iteration", printed)
    held = re.search(r"([\d.]+) GB of", printed)
    if not took or not held:
        raise UserError(f"The benchmark in {folder} printed no figures.")
    return float(took[1]), float(held[1])


def image_figures(count: int, folder: Path, words: list[str]) -> Figures:
    """Seconds per image of the test.py of a version: what `count` images take longer than the first one alone.

    Raises:
        UserError: when it fails.
    """
    seconds = []
    for number in (1, count):
        started = time.perf_counter()
        run(folder, "test.py", [*words, "--num_test", str(number)])
        seconds.append(time.perf_counter() - started)
    return (seconds[1] - seconds[0]) / (count - 1), None


def make_test_run(folder: Path, count: int, words: Sequence[str]) -> list[str]:
    """A run whose generator has random weights, and images to translate; returns the options of test.py that name them.

    Raises:
        UserError: for options that cannot be used, or fewer than two images.
    """
    if count < 2:
        raise UserError("--images must be at least 2: the first one shows how long starting takes.")
    places = {"checkpoints_dir": folder / "runs", "results_dir": folder / "results", "dataroot": folder / "data"}
    own = ["--name", NAME, *(str(word) for name, place in places.items() for word in (f"--{name}", place))]
    options = test_options([*own, *words])
    options.run.folder.mkdir(parents=True)
    (folder / "data" / "testA").mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(export_weights(build_generator(options)), options.run.folder / "latest_net_G.pth")
    side = options.data.load_size
    for number, file in enumerate(islice(cycle(images_in(TILES / "testA")), count)):
        with Image.open(file) as tile:
            tile.convert("RGB").resize((side, side)).save(folder / "data" / "testA" / f"{number:04}.png")
    return own


def run(folder: Path, script: str, words: Sequence[str]) -> str:
    """What a script of a version prints.

    Raises:
        UserError: when it fails.
    """
    done = subprocess.run([sys.executable, script, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
        raise UserError(f"{script} failed in {folder}: {last}")
    return done.stdout


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
