"""The benchmark measures real steps of every method."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "benchmark.py"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--netF_nc", "8"],
        ["--model", "cycle_gan", "--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4"],
        [
            "--model",
            "sincut",
            "--ngf",
            "1",
            "--ndf",
            "1",
            "--netF_nc",
            "8",
            "--batch_size",
            "2",
            "--max_dataset_size",
            "8",
        ],
    ],
    ids=["cut", "cycle_gan", "sincut"],
)
def test_benchmark_prints_its_figures(arguments):
    sizes = ["--load_size", "64", "--crop_size", "64", "--num_threads", "0"]
    words = [sys.executable, str(SCRIPT), "--steps", "1", "--warmup", "1", *sizes, *arguments]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    for figure in ("s per iteration", "forward (G", "D: backward and update", "GFLOP per iteration", "at the peak"):
        assert figure in ran.stdout
