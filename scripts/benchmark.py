"""Speed and memory of training steps on synthetic images.

    python scripts/benchmark.py                                    CUT at the published setting: 256², batch 1, ngf 64
    python scripts/benchmark.py --CUT_mode FastCUT                 any option of train.py, and
    python scripts/benchmark.py --steps 20 --warmup 3              how many steps are counted

Prints the median seconds per iteration and per phase, the peak memory, the floating-point operations of a step and the
share of this machine's own matrix-multiplication peak that they reach. To compare two versions, run them in turn on the
same idle machine; single figures from a shared one say little.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from cut.data.loader import make_dataset, make_loader
from cut.device import choose_device, describe_device, peak_memory_bytes
from cut.errors import exit_status
from cut.models.method import Method
from cut.options import Options, run_script, train_options
from cut.registry import MODELS
from cut.training.steps import as_floats, step_generator, timed


class Stopwatch:
    """Adds up seconds by name, waiting for the device before every reading."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        started = self.now()
        yield
        self.seconds[name] += self.now() - started

    def wrap(self, function: Callable, name_of: Callable[..., str]) -> Callable:
        def timed_function(*arguments):
            with self.reading(name_of(*arguments)):
                return function(*arguments)

        return timed_function


def watch_parts(model: Method, watch: Stopwatch) -> None:
    """Time the parts of the method's step without changing it."""
    for part, title in model.parts.items():
        setattr(model, part, watch.wrap(getattr(model, part), lambda *_, title=title: title))
    model.update = watch.wrap(model.update, lambda loss, *names: f"{' and '.join(names)}: backward and update")


def synthetic_images(folder: Path, options: Options, count: int = 4) -> None:
    """Noise pictures for both sides, large enough for the preprocessing."""
    side = max(options.data.load_size, options.data.crop_size)
    rng = np.random.default_rng(0)
    for domain in "AB":
        (folder / f"train{domain}").mkdir()
        for index in range(1 if options.data.dataset_mode == "singleimage" else max(count, options.data.batch_size)):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"train{domain}" / f"{index}.png", compress_level=1)


def matmul_peak(device: torch.device, size: int = 2048, repeats: int = 5) -> float:
    """Best measured floating-point operations a second of a float32 matrix product."""
    watch = Stopwatch(device)
    left, right = torch.rand(2, size, size, device=device)
    best = min(_duration(watch, lambda: left @ right) for _ in range(repeats + 1))
    return 2 * size**3 / best


def _duration(watch: Stopwatch, function: Callable[[], object]) -> float:
    started = watch.now()
    function()
    return watch.now() - started


def count_operations(function: Callable[[], object]) -> int:
    """Floating-point operations of the convolutions and matrix products in a call, forward and backward."""

    class NoModules(nullcontext):
        parents = frozenset({"Global"})

    counter = FlopCounterMode(display=False)
    counter.mod_tracker = NoModules()  # its hooks on modules, which only a table by module needs, forbid autograd.grad
    with counter:
        function()
    return counter.get_total_flops()


def endless(loader) -> Iterator:
    epoch = 1
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def benchmark(options: Options, steps: int, warmup: int) -> None:
    device = choose_device(options.run.gpu_ids, options.run.threads)
    print(describe_device(device, options.run.gpu_ids), f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    model = MODELS[options.run.model].factory(options, device)
    watch, rows = Stopwatch(device), []
    watch_parts(model, watch)
    batches = timed(endless(make_loader(options, make_dataset(options))))
    for step in range(warmup + steps):
        batch, waited = next(batches)
        watch.seconds.clear()
        with watch.reading("iteration"):
            as_floats(model.train_step(batch, model.draw(batch, step_generator(0, step))))
        rows.append({"data (waiting)": waited, **watch.seconds})
    memory = peak_memory_bytes(device)  # before the measurements below, which have costs of their own

    medians = {name: statistics.median(row[name] for row in rows[warmup:]) for name in rows[0]}
    total = medians.pop("iteration") + medians["data (waiting)"]
    operations = count_operations(lambda: model.train_step(batch, model.draw(batch, step_generator(0, 0))))
    peak = matmul_peak(device)

    print(f"{total:8.3f} s per iteration of {len(batch)} image(s), the median of {steps} after {warmup}")
    for name, seconds in medians.items():
        print(f"{seconds:8.3f} s {name}")
    print(f"{operations / 1e9:8.1f} GFLOP per iteration: {operations / peak:.2f} s at this machine's measured peak of "
          f"{peak / 1e9:.0f} GFLOP/s, {operations / peak / total:.0%} of which is reached")  # fmt: skip
    if memory is not None:
        kind = "GPU" if device.type == "cuda" else "process"
        print(f"{memory / 1e9:.2f} GB of {kind} memory at the peak")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=7, help="iterations that count (default 7)")
    parser.add_argument("--warmup", type=int, default=2, help="iterations before them (default 2)")

    def work() -> int:
        own, others = parser.parse_known_args()
        with tempfile.TemporaryDirectory() as folder:

            def run(options: Options) -> None:
                synthetic_images(Path(folder), options)
                benchmark(options, own.steps, own.warmup)

            return run_script(run, train_options, ["--dataroot", folder, *others])

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main())
