"""How fast and how exact 3×3 convolutions are: PyTorch's (direct) and minimal filtering (cut/networks/winograd.py).

    python scripts/convolutions.py
    python scripts/convolutions.py --threads 1 --rounds 9

A row for each kind in the ResNet generator with 64 first channels at 256²: milliseconds forward and backward, in turn
with medians, and root mean square errors against float64, as shares of the standard deviation of what is computed: the
result, the derivative for the image and that for the weights. A run uses minimal filtering from 128 channels on.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import torch
import torch.nn.functional as F
from torch import Tensor

from cut.device import keep_freed_memory
from cut.errors import exit_status
from cut.networks.winograd import convolve

KINDS = ((256, 256, 64), (128, 256, 128), (256, 128, 128), (64, 128, 256), (128, 64, 256))  # channels in, out; side
WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"direct": F.conv2d, "minimal": convolve}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, help="threads that compute (default: PyTorch's choice)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default %(default)s)")
    return exit_status(lambda: measure(parser.parse_args(arguments)))


def measure(given: argparse.Namespace) -> None:
    keep_freed_memory()
    if given.threads:
        torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print("in   out  side  |  ms direct  minimal  times as fast  |  errors direct          minimal")
    for channels, out, side in KINDS:
        x = F.relu(torch.randn(1, channels, side + 2, side + 2)).requires_grad_()
        weight = (0.02 * torch.randn(out, channels, 3, 3)).requires_grad_()
        gradient = torch.randn(1, out, side, side)
        exact = results(F.conv2d, *(tensor.detach().double().requires_grad_() for tensor in (x, weight, gradient)))
        errors = {
            way: " ".join(
                f"{(value - wanted).square().mean().sqrt() / wanted.std():.1e}"
                for value, wanted in zip(results(function, x, weight, gradient), exact, strict=True)
            )
            for way, function in WAYS.items()
        }
        took: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(given.rounds):
            for way, function in WAYS.items():
                started = time.perf_counter()
                results(function, x, weight, gradient)
                took[way].append(1000 * (time.perf_counter() - started))
        direct, minimal = (statistics.median(times) for times in took.values())
        print(f"{channels:<4} {out:<4} {side:<4}  |  {direct:9.1f}  {minimal:7.1f}  {direct / minimal:13.2f}  |  "
              f"{errors['direct']}  {errors['minimal']}", flush=True)  # fmt: skip


def results(
    convolution: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor, gradient: Tensor
) -> list[Tensor]:
    """What it makes of an image, and what a gradient of that makes of the image and the weights."""
    made = convolution(x, weight)
    return [made, *torch.autograd.grad(made, (x, weight), gradient)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
