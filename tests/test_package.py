"""What is installed: a wheel built from this clone."""

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import cut

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, open to be read; the clone stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "setup.py",
        "-q",
        "egg_info",
        "--egg-base",
        folder,
        "build",
        "--build-base",
        folder / "build",
    ]
    build += ["bdist_wheel", "--bdist-dir", folder / "bdist", "--dist-dir", folder]
    done = subprocess.run([str(word) for word in build], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


@pytest.fixture
def metadata(wheel) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode("utf-8"))


def test_every_module_page_and_configuration_is_in_it(wheel):
    files = [file for file in (ROOT / "cut").rglob("*") if file.is_file() and file.suffix != ".pyc"]
    expected = {file.relative_to(ROOT).as_posix() for file in files}
    expected |= {f"cut/{file.relative_to(ROOT).as_posix()}" for file in (ROOT / "configs").rglob("*.yaml")}
    installed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert installed == expected


def test_it_says_version_and_licence(wheel, metadata):
    assert metadata["Version"] == cut.__version__
    assert "BSD-2-Clause" in (metadata["License-Expression"], metadata["License"])
    (licence,) = (name for name in wheel.namelist() if name.endswith("LICENSE"))
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_running_it_needs_no_development_tools(metadata):
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert any(line.startswith("torch>=") for line in needed)
    assert not [line for line in needed if line.startswith(("pytest", "ruff", "mypy", "types-", "playwright"))]
