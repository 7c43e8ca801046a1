"""The console command: sub-commands, help, and the `cut` of the system that it stands in front of."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cut
from cut.cli import console

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path):
    """A folder with the command as pip installs it, first on the search path."""
    script = tmp_path / "bin" / "cut"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from cut.cli.console import console\nsys.exit(console())\n"
    )
    script.chmod(0o755)

    def run(*words, given="", python_first=True) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(script.parent), os.environ["PATH"]])
        return subprocess.run(
            ["cut", *words], input=given, capture_output=True, text=True, env={**os.environ, "PATH": path}, cwd=tmp_path
        )

    return run


def test_every_sub_command_has_a_file_and_is_in_the_help(capsys):
    assert console.main([]) == 0
    said = capsys.readouterr().out
    for name, (module, summary) in console.COMMANDS.items():
        assert callable(importlib.import_module(f"cut.cli.{module}").main)
        assert f"cut {name} " in said and summary in said


@pytest.mark.parametrize("name", console.COMMANDS)
def test_every_sub_command_has_help(name, capsys):
    try:
        status = console.main([name, "--help"])
    except SystemExit as end:
        status = end.code
    assert not status and "usage" in capsys.readouterr().out


def test_version_and_a_command_that_does_not_exist(capsys):
    assert console.main(["--version"]) == 0 and capsys.readouterr().out == f"cut {cut.__version__}\n"
    assert console.main(["trian"]) == 2 and "did you mean train" in capsys.readouterr().err


def test_as_a_module_from_another_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "cut", "train", "--config", "horse2zebra_fastcut", "--dry_run"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "CUT_mode: FastCUT" in done.stdout and "python train.py" not in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no cut of its own")
@pytest.mark.parametrize("words", [("-d:", "-f2"), ("-c3",), ("--delimiter=:", "--fields=2"), ("-s", "-d:", "-f", "2")])
def test_shell_scripts_keep_the_cut_of_the_system(installed, words):
    done = installed(*words, given="a:b:c\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "b\n", "")


def test_an_installed_command_names_itself(installed):
    assert installed("--version").stdout == f"cut {cut.__version__}\n"
    assert "usage: cut evaluate REAL FAKE" in installed("evaluate", "--help").stdout
