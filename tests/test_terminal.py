"""Scripts and streams of any encoding, with readers that leave, on full disks, and closed: real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.evaluation.tiny_run import ARCHITECTURE, save_generator, write_image

ROOT = Path(__file__).parents[1]
FULL = Path("/dev/full")
TALK = "from cut.errors import exit_status as run\nimport sys\n"
NEEDS_FULL = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def start(words, encoding="utf-8", **more) -> subprocess.CompletedProcess:
    """A process with standard error as text."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.run([sys.executable, *map(str, words)], env=environment, errors="replace", **streams)


def talk(code: str, encoding="utf-8", **more) -> subprocess.CompletedProcess:
    return start(["-c", TALK + code], encoding, **more)


def left_pipe() -> int:
    """The writing end of a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "a... 2x +-3^2 \\u03b3 \\xe9"),
        ("latin-1", "a... 2× ±3² \\u03b3 é"),
        ("cp1251", "a… 2x ±3^2 \\u03b3 \\xe9"),
    ],
)
def test_what_a_stream_cannot_show_is_spelled(encoding, shown):
    done = talk("sys.exit(run(lambda: print('a… 2× ±3² γ é') or print('…', file=sys.stderr)))", encoding)
    assert done.returncode == 0 and done.stderr != ""
    raw = subprocess.run(
        [sys.executable, "-c", TALK + "run(lambda: print('a… 2× ±3² γ é'))"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert raw.stdout.decode(encoding).strip() == shown


def test_names_that_are_not_utf_8_are_escaped():
    assert talk(r"run(lambda: print('x\udcff'))").stdout == "x\\udcff\n"


@pytest.mark.parametrize("script", ["train.py", "test.py", "scripts/report.py", "datasets/prepare_cityscapes.py"])
def test_help_in_ascii(script):
    done = start([ROOT / script, "--help"], "ascii")
    assert done.returncode == 0 and "usage" in done.stdout and done.stderr == ""


def test_the_options_in_ascii_are_read_back(tmp_path):
    done = start([ROOT / "train.py", "--dry_run", "--easy_label", "Zoë ×2"], "ascii")
    assert done.returncode == 0 and yaml.safe_load(done.stdout)["easy_label"] == "Zoë ×2"
    done = start([ROOT / "train.py", "--dry_run", "--easy_label", "Zoë ×2"], "latin-1")
    assert yaml.safe_load(done.stdout)["easy_label"] == "Zoë ×2"


@pytest.mark.parametrize(("for_reading", "status"), [(True, 141), (False, 0)])
def test_a_reader_that_left_ends_no_work(for_reading, status, tmp_path):
    code = "work = lambda: [print('x' * 9999, flush=True) for _ in range(3)] and open('done', 'w').close()\n"
    done = talk(f"{code}sys.exit(run(work, {for_reading}))", stdout=left_pipe(), cwd=tmp_path)
    assert done.returncode == status and done.stderr == "" and (tmp_path / "done").exists()


def test_the_status_of_a_failure_wins():
    code = (
        "from cut.errors import RunFailed\ndef work():\n    print('x', flush=True)\n    raise RunFailed('It failed.')\n"
    )
    done = talk(f"{code}sys.exit(run(work))", stdout=left_pipe())
    assert done.returncode == 1 and done.stderr == "It failed.\n"


def test_help_for_a_reader_that_left():
    done = start([ROOT / "train.py", "--help"], stdout=left_pipe())
    assert done.returncode == 141 and done.stderr == ""


@NEEDS_FULL
def test_a_full_disk_is_said():
    with FULL.open("w") as full:
        done = start([ROOT / "train.py", "--help"], stdout=full)
    assert done.returncode == 1
    assert done.stderr == "What was printed could not be written: No space left on device.\n"
    with FULL.open("w") as full:
        assert start([ROOT / "train.py", "--nonsense"], stderr=full).returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_closed_streams():
    shell = f"exec {sys.executable} {ROOT / 'train.py'} --dry_run <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", shell]).returncode == 0
    code = "import cut.environment, os; assert os.open('/', os.O_RDONLY) > 2"  # files do not take the place of a stream
    assert subprocess.run(["sh", "-c", f'exec {sys.executable} -c "{code}" <&- >&- 2>&-'], cwd=ROOT).returncode == 0


def test_a_terminal_that_does_not_wait():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    code = TALK + "sys.exit(run(lambda: print('x' * 300_000)))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=writing, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as it:
        os.close(writing)
        with open(reading, "rb") as stream:
            assert len(stream.read()) == 300_001
    assert it.returncode == 0


@pytest.fixture
def translation(tmp_path):
    """Words of a command that translates two images."""
    save_generator(tmp_path / "checkpoints/tiny")
    for name in ("a", "b…"):
        write_image(tmp_path / f"in/{name}.png")
    words = ["--name", "tiny", "--gpu_ids", "-1", *ARCHITECTURE, "--input", "in", "--output", "out"]
    return [ROOT / "test.py", *words]


@pytest.mark.parametrize("output", ["left", pytest.param("full", marks=NEEDS_FULL)])
def test_everything_is_translated(translation, tmp_path, output):
    with FULL.open("w") as full:
        stream = full if output == "full" else left_pipe()
        done = start(translation, "ascii", cwd=tmp_path, stdout=stream, stderr=subprocess.PIPE)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.png", "b….png"]
    assert done.returncode == (1 if output == "full" else 0) and "Traceback" not in done.stderr
