"""Speed and memory of training steps on synthetic images.

    cut benchmark                               CUT at the published setting: 256², batch 1, ngf 64
    cut benchmark --CUT_mode FastCUT            any option of train.py, and
    cut benchmark --steps 20 --warmup 3         how many steps are counted
    cut benchmark --stored 600                  images are stored as JPEGs of 600², then preprocessed
    cut benchmark --dataroot datasets/maps         your own images
    cut benchmark --sweep                       a table of precision, layout and batch size
    cut benchmark --model cut cycle_gan         a table of methods; --model all takes every one

Prints the median seconds per iteration and per phase, how much of them is waiting for data, how fast data are loaded,
the peak memory, the floating-point operations of a step and the share of this machine's own matrix-multiplication peak
that they reach. To compare two versions, run them in turn on the same idle machine; single figures from a shared one
say little.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from cut.cli.benchmark_table import SWEPT, Figures, as_words, choices, table
from cut.commands import command
from cut.data.batch import Batch
from cut.data.dataset import ImageDataset
from cut.data.loader import Loader, make_dataset, make_loader
from cut.device import choose_device, describe_device, peak_memory_bytes
from cut.errors import UserError, exit_status
from cut.models.method import Method
from cut.options import Options, run_script, train_options
from cut.registry import MODELS
from cut.training.facts import parameter_counts
from cut.training.steps import step_generator, timed
from cut.training.unread_losses import Losses

LOADING = 2.0  # seconds for which a data worker is watched


class Stopwatch:
    """Adds up seconds by name, waiting for the device before every reading."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)
        self.busy = False

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
            if self.busy:  # what a part calls belongs to it
                return function(*arguments)
            self.busy = True
            try:
                with self.reading(name_of(*arguments)):
                    return function(*arguments)
            finally:
                self.busy = False

        return timed_function


def watch_parts(model: Method, watch: Stopwatch) -> None:
    """Time the parts of the method's step without changing it."""
    for part, title in model.parts.items():
        setattr(model, part, watch.wrap(getattr(model, part), lambda *_, title=title: title))
    update = watch.wrap(model.update, lambda loss, *names: f"{' and '.join(names)}: backward and update")
    setattr(model, "update", update)  # noqa: B010 assigning to a method is an error to mypy
    in_turn = watch.wrap(model.update_in_turn, lambda *updates: f"{' and '.join(updates[0][1])}: backward and updates")
    setattr(model, "update_in_turn", in_turn)  # noqa: B010 the same


def synthetic_images(folder: Path, options: Options, side: int | None, count: int = 4) -> None:
    """Noise pictures for both sides: JPEGs of `side` pixels; None for PNGs just large enough for the preprocessing."""
    rng = np.random.default_rng(0)
    pixels = side or max(options.data.load_size, options.data.crop_size)
    for domain in "AB":
        (folder / f"train{domain}").mkdir()
        for index in range(1 if options.data.dataset_mode == "singleimage" else max(count, options.data.batch_size)):
            noise = rng.integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)
            place = folder / f"train{domain}" / str(index)
            if side is None:
                Image.fromarray(noise).save(place.with_suffix(".png"), compress_level=1)
            else:
                # As coarse as photographs are, since decoding noise takes longer.
                coarse = Image.fromarray(noise).resize((math.ceil(side / 8),) * 2).resize((side, side))
                coarse.save(place.with_suffix(".jpg"), quality=90)


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
    counter.mod_tracker = cast(
        Any, NoModules()
    )  # its hooks on modules, which only a table by module needs, forbid autograd.grad
    with counter:
        function()
    return counter.get_total_flops()


def endless(loader: Loader) -> Iterator:
    epoch = 1
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def loading_rate(options: Options, dataset: ImageDataset) -> float:
    """Images a second that one data worker loads (or the main process with `--num_threads 0`), with nothing else on."""
    loader = make_loader(options.replace(num_threads=min(1, options.data.num_threads)), dataset)
    batches, images = endless(loader), 0
    next(batches)  # the worker starts
    started = time.perf_counter()
    while time.perf_counter() - started < LOADING:
        images += images_of(next(batches))
    seconds = time.perf_counter() - started
    loader.close()
    return images / seconds


def images_of(batch: Batch) -> int:
    """Images of both sides."""
    return len(batch) * (1 if batch.target is None else 2)


def measure(model: Method, batches: Iterator[Batch], steps: int, warmup: int) -> Figures:
    """Train, and see how long it takes. Where kinds of steps take turns, the mean over them is what counts as one."""
    watch, kinds = Stopwatch(model.device), model.step_period
    rows: list[dict[str, float]] = []
    watch_parts(model, watch)
    for step, (batch, waited) in zip(range(kinds * (warmup + steps)), timed(batches), strict=False):
        watch.seconds.clear()
        with watch.reading("iteration"):
            dict(Losses(model.train_step(batch, model.draw(batch, step_generator(0, step), step=step))))
        if step % kinds == 0:
            rows.append(defaultdict(float))
        for name, seconds in {"waiting": waited, **watch.seconds}.items():
            rows[-1][name] += seconds / kinds
    medians = {name: statistics.median(row[name] for row in rows[warmup:]) for name in rows[0]}
    waiting = medians.pop("waiting")
    seconds = medians.pop("iteration") + waiting
    return Figures(len(batch), seconds, waiting, medians, peak_memory_bytes(model.device), parameter_counts(model))


def one_of_each_kind(model: Method, batch: Batch) -> None:
    """Train a step of each kind."""
    for step in range(model.step_period):
        model.train_step(batch, model.draw(batch, step_generator(0, step), step=step))


def benchmark(options: Options, steps: int, warmup: int, as_json: bool) -> None:
    device = choose_device(options.run.gpu_ids, options.run.threads)
    model, dataset = MODELS[options.run.model].factory(options, device), make_dataset(options)
    loader = make_loader(options, dataset)
    batches = endless(loader)
    figures = measure(model, batches, steps, warmup)
    if as_json:
        print(json.dumps(asdict(figures)))
        return
    print(describe_device(device, options.run.gpu_ids), f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    total = figures.seconds
    print(f"{total:8.3f} s per iteration of {figures.images} image(s), the median of {steps} after {warmup}")
    print(f"{figures.waiting:8.3f} s data (waiting), {figures.waiting / total:.1%} of an iteration")
    for name, seconds in figures.parts.items():
        print(f"{seconds:8.3f} s {name}")
    batch = next(batches)
    loader.close()
    model.arithmetic.minimal = False  # what direct convolutions would take, which is what a method costs
    model.arithmetic.place(model.networks)
    operations = count_operations(lambda: one_of_each_kind(model, batch)) / model.step_period
    peak = matmul_peak(device)
    print(f"{operations / 1e9:8.1f} GFLOP per iteration: {operations / peak:.2f} s at this machine's measured peak of "
          f"{peak / 1e9:.0f} GFLOP/s in float32, {operations / peak / total:.0%} of which is reached")  # fmt: skip
    rate, need = loading_rate(options, dataset), images_of(batch) / total
    who = "one data worker loads" if options.data.num_threads else "the main process loads"
    print(f"{rate:8.1f} images/s {who}; training takes {need:.1f}, for which {math.ceil(need / rate)} would be enough")
    print(f"{figures.weights / 1e6:8.2f} million parameters:", in_millions(figures.parameters))
    if figures.memory is not None:
        kind = "GPU" if device.type == "cuda" else "process"
        print(f"{figures.memory / 1e9:.2f} GB of {kind} memory at the peak")


def in_millions(parameters: dict[str, int]) -> str:
    return ", ".join(f"{count / 1e6:.2f} in {name}" for name, count in parameters.items())


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=command("benchmark"),
        description=(__doc__ or "").replace("cut benchmark", command("benchmark")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--steps", type=int, default=7, help="iterations that count (default 7)")
    parser.add_argument("--warmup", type=int, default=2, help="iterations before them (default 2)")
    parser.add_argument(
        "--stored", type=int, metavar="N", help="store the synthetic images as JPEGs of N pixels a side"
    )
    parser.add_argument(
        "--sweep", action="store_true", help="a table of every precision and layout, and batches of 1, 2, 4"
    )
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    for name in SWEPT:
        parser.add_argument(f"--{name}", nargs="+", default=[], help="as for train.py; several give a table")

    def work() -> int:
        own, others = parser.parse_known_args(words)
        for name, least in {"steps": 1, "warmup": 0}.items():
            if getattr(own, name) < least:
                raise UserError(f"--{name} is {getattr(own, name)} but must be at least {least}.")
        chosen = choices({name: getattr(own, name) for name in SWEPT}, own.sweep, others)
        counts = ["--steps", str(own.steps), "--warmup", str(own.warmup)]
        stored = [] if own.stored is None else ["--stored", str(own.stored)]
        if any(len(values) > 1 for values in chosen.values()):
            table(chosen, [*counts, *stored, *others])
            return 0
        single = [*others, *as_words({name: values[0] for name, values in chosen.items()})]
        with tempfile.TemporaryDirectory() as folder:

            def run(options: Options) -> None:
                if options.data.dataroot == folder:
                    synthetic_images(Path(folder), options, own.stored)
                benchmark(options, own.steps, own.warmup, own.json)

            return run_script(run, train_options, ["--dataroot", folder, *single])

    return exit_status(work)
