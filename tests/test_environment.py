"""Without the packages a script ends in a sentence: real processes, whose Python finds none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = [ROOT / name for name in ("train.py", "test.py")] + [
    file
    for folder in ("scripts", "datasets")
    for file in sorted((ROOT / folder).glob("*.py"))
    if "__main__" in file.read_text(encoding="utf-8")
]


def run(*words, **environment) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, env=variables | environment, cwd=ROOT
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_python_without_packages(script):
    done = run("-S", script)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and f"This Python ({sys.executable}) has no torch" in done.stderr
    assert "source .venv/bin/activate`" in done.stderr and "bash scripts/environment.sh`" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')", "has no torch: "),
        (
            "raise ImportError('libcudart.so.12: cannot open shared object file')",
            "cannot import torch (libcudart.so.12: ",
        ),
    ],
)
def test_a_torch_that_cannot_be_imported(tmp_path, content, said):
    (tmp_path / "torch.py").write_text(content)
    done = run("train.py", "--dataroot", "d", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_from_another_folder_the_commands_name_the_place(tmp_path):
    done = subprocess.run([sys.executable, "-S", ROOT / "train.py"], cwd=tmp_path, capture_output=True, text=True)
    assert f"source {ROOT}/.venv/bin/activate" in done.stderr


def test_an_installed_command_says_what_to_install(tmp_path):
    shutil.copytree(ROOT / "cut", tmp_path / "cut", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-m", "cut", "train"], cwd=tmp_path, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.endswith(
        f"has no torch and no yaml: install it with `{sys.executable} -m pip install cut-translation`.\n"
    )


def test_a_fault_of_the_program_keeps_its_traceback():
    done = run("-c", "import cut.environment\nfrom cut.errors import nonsense")
    assert done.returncode == 1 and "Traceback" in done.stderr
