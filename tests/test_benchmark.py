"""The benchmark measures real steps of every method."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cut.cli import benchmark, benchmark_table
from cut.cli.benchmark_table import Figures, advice, choices, in_own_process, table
from cut.data.loader import make_dataset
from cut.errors import UserError
from cut.options import train_options

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
    figures = ("s per iteration", "data (waiting)", "forward (G", "D: backward and update", "GFLOP per iteration")
    for figure in (*figures, "images/s the main process loads", "million parameters", "at the peak"):
        assert figure in ran.stdout


@pytest.mark.parametrize("side", [None, 60])
def test_synthetic_images_can_be_stored_larger_than_they_are_used(tmp_path, side):
    options = train_options(["--load_size", "40", "--crop_size", "32", "--dataroot", str(tmp_path)])
    benchmark.synthetic_images(tmp_path, options, side)
    expected = ("PNG", (40, 40)) if side is None else ("JPEG", (60, 60))
    files = [*(tmp_path / "trainA").iterdir(), *(tmp_path / "trainB").iterdir()]
    assert len(files) == 8
    for file in files:
        with Image.open(file) as image:
            assert (image.format, image.size) == expected


@pytest.mark.parametrize("workers", ["0", "1"])
def test_one_worker_is_timed_with_the_images_of_both_sides(tmp_path, monkeypatch, workers):
    words = ["--load_size", "40", "--crop_size", "32", "--dataroot", str(tmp_path), "--num_threads", workers]
    options, script = train_options([*words, "--batch_size", "2"]), benchmark
    script.synthetic_images(tmp_path, options, None)
    times = iter([0.0, 1.0, 1.5, 4.0, 4.0])
    monkeypatch.setattr(script.time, "perf_counter", lambda: next(times))
    assert script.loading_rate(options, make_dataset(options)) == 2 * 2 * 2 / 4.0  # two batches of two, in four seconds


def figures(seconds, memory=None):
    return Figures(images=1, seconds=seconds, waiting=0.0, parts={}, memory=memory, parameters={"G": 3, "D": 4})


def test_a_table_goes_through_what_is_given_and_what_a_sweep_adds():
    none = {"model": [], "precision": [], "layout": [], "batch_size": []}
    assert choices(none, False, []) == {}
    assert choices({**none, "layout": ["auto"]}, False, []) == {"layout": ["auto"]}
    swept = choices({**none, "batch_size": ["3"]}, True, ["--gpu_ids", "-1"])
    assert list(swept) == ["precision", "layout", "batch_size"]
    assert swept["precision"][0] == "float32" and "tf32" not in swept["precision"]
    assert swept["layout"] == ["contiguous", "channels_last"] and swept["batch_size"] == ["3"]
    methods = choices({**none, "model": ["all"]}, False, [])["model"]
    assert {"cut", "cycle_gan"} <= set(methods) and "test" not in methods


def test_advice_is_for_each_batch_size_by_itself():
    rows = [
        ({"precision": precision, "batch_size": batch}, figures(seconds, memory))
        for precision, batch, seconds, memory in [
            ("float32", "1", 6.0, 200), ("float32", "2", 9.0, 400), ("bf16", "1", 2.0, 150), ("bf16", "2", 10.0, 300),
        ]
    ]  # fmt: skip
    first, second, _ = advice(rows)
    assert first == "Use --batch_size 1 --precision bf16: 3.00 times as fast as float32 and in 0.75 of its memory."
    assert second == "Use --batch_size 2 --precision float32: the fastest."
    assert advice([({"model": name}, figures(1.0)) for name in ("cut", "cycle_gan")]) == []


def test_a_row_that_fails_does_not_stop_the_table(monkeypatch, capsys):
    def measured(words):
        if "bad" in words:
            raise UserError("There is no bad.")
        return figures(2.0, 3 * 10**9)

    monkeypatch.setattr(benchmark_table, "in_own_process", measured)
    table({"model": ["bad", "cut"]}, [])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["bad", "-"] and lines[2].split() == [
        "cut",
        "2.000",
        "0.50",
        "0.0%",
        "3.00",
        "0.00",
        "M",
    ]
    assert lines[3] == "--model bad: There is no bad."
    with pytest.raises(UserError, match="There is no bad"):
        table({"model": ["bad"]}, [])


def test_a_row_is_measured_in_a_process_of_its_own():
    words = "--netG resnet_4blocks --ngf 2 --ndf 2 --netF_nc 4 --load_size 64 --crop_size 64 --num_threads 0".split()
    measured = in_own_process([*words, "--steps", "1", "--warmup", "0", "--model", "cut"])
    assert measured.images == 1 and measured.seconds > measured.waiting > 0 and set(measured.parameters) == {*"GDF"}
    with pytest.raises(UserError, match="There is no option --nfg"):
        in_own_process(["--nfg", "3"])
