"""What the machine cannot hold is refused before it is made: memory for networks and batches, and open files."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cut.device import require_open_files
from cut.errors import UserError, exit_status, is_out_of_memory
from cut.memory import available_bytes, build_in_memory, container_bytes, system_bytes
from cut.models.build import build_generator
from cut.options import test_options as options_to_test
from cut.options import train_options
from cut.registry import MODELS
from tests.evaluation.tiny_run import TINY_OPTIONS

ROOT = Path(__file__).parents[1]


def test_free_memory(tmp_path):
    assert available_bytes(torch.device("cpu")) > 0
    assert available_bytes(torch.device("meta")) == float("inf")
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:   50 kB\n")
    assert system_bytes(tmp_path / "meminfo") == 50 * 1024
    assert system_bytes(tmp_path / "absent") == float("inf")


def test_memory_of_a_container(tmp_path):
    assert container_bytes(tmp_path) == float("inf")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 200\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert container_bytes(tmp_path) == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert container_bytes(tmp_path) == float("inf")


def test_only_allocation_failures_are_out_of_memory():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory")) and is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--ngf 10000000", "--netG resnet_9blocks with --ngf 10000000 needs at least"),
        ("--ngf 5000", "--netG resnet_9blocks with --ngf 5000 needs at least"),
        (f"--ngf {10**12}", "--netG resnet_9blocks with --ngf"),
        ("--ndf 10000000", "--netD basic with --ndf 10000000 needs at least"),
        ("--netF_nc 1000000000000", "--netF mlp_sample with --netF_nc 1000000000000 needs at least"),
        ("--model cycle_gan --ngf 10000000", "--netG resnet_9blocks with --ngf 10000000"),
        ("--model sincut --ngf 10000000", "--netG stylegan2 with --ngf 10000000"),
        ("--batch_size 1000000", "A batch of 1,000,000 images of 256×256 pixels needs at least"),
        ("--load_size 16000 --crop_size 16000", "A batch of 1 image of 16000×16000 pixels needs at least"),
    ],
)
def test_what_memory_cannot_hold_is_refused(words, said, monkeypatch):
    monkeypatch.setattr("cut.memory.system_bytes", lambda: 64e9)
    options = train_options([*words.split(), "--gpu_ids", "-1"])
    with pytest.raises(UserError) as error:
        MODELS[options.run.model].factory(options)
    assert said in str(error.value) and str(error.value).endswith(" are free: choose a smaller number.")


def test_translating_needs_the_weights_alone(monkeypatch):
    options = options_to_test(["--ngf", "64"])
    size = sum(value.nbytes for value in build_generator(options).state_dict().values())
    monkeypatch.setattr("cut.memory.system_bytes", lambda: size + 1)
    build_generator(options)
    with pytest.raises(UserError, match="needs at least 18[0-9] MB of memory, and 4[0-9] MB are free"):
        build_generator(train_options([]))


def test_looking_at_the_shapes_draws_no_random_number():
    torch.manual_seed(0)
    expected = torch.nn.Linear(3, 4).weight
    torch.manual_seed(0)
    assert torch.equal(build_in_memory(lambda: torch.nn.Linear(3, 4), "", True).weight, expected)


@pytest.mark.parametrize("option", ["--load_size", "--crop_size"])
def test_sides_have_a_limit(option):
    with pytest.raises(UserError, match=f"{option} is 100000 but must be from 1 to 16384"):
        train_options([option, "100000"])


def train(limit: str, *words: str, folder: Path) -> subprocess.CompletedProcess:
    """train.py in a shell with a limit of open files."""
    command = [sys.executable, str(ROOT / "train.py"), *TINY_OPTIONS, "--dataroot", str(folder), *words]
    shell = ["bash", "-c", f'{limit} && exec "$@"', "bash", *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(shell, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_too_few_open_files(data):
    words = "--n_epochs 1 --n_epochs_decay 0 --load_size 20 --crop_size 16 --evaluation_epoch_freq 0 --no_html".split()
    done = train("ulimit -n 24", *words, "--num_threads", "1", folder=data)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not (data / "checkpoints").exists()
    assert "This system allows 24 open files (ulimit -n)" in done.stderr and "use --num_threads 0." in done.stderr


def test_the_own_limit_of_open_files_is_raised(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = [24, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, wanted: limits.__setitem__(slice(None), wanted))
    require_open_files(0)
    assert limits == [24, 4096]
    require_open_files(1)
    assert limits == [52, 4096]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "The memory is not enough (MemoryError): use smaller images"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "The memory is not",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "The memory is not enough (CUDA out"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "The memory is not enough ([Errno 12]"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many files are open at once ([Errno 24]"),
    ],
)
def test_what_runs_out_later_is_a_sentence(error, said, capsys):
    def work():
        raise error

    assert exit_status(work) == 1
    assert capsys.readouterr().err.startswith(said)
