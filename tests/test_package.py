"""What is installed: an sdist and a wheel built from this clone, and the wheel in an empty environment."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import Distribution
from importlib.metadata import distribution as metadata_of
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import cut
from tests.evaluation.tiny_run import TINY_OPTIONS, write_image

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist and the wheel that is built from it; the clone stays as it is."""
    folder = tmp_path_factory.mktemp("package")
    copied = folder / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (copied / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copied / name)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(copied)]
    done = subprocess.run(build, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(built):
    """The wheel, open to be read."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def environment(built, tmp_path_factory) -> Path:
    """The `bin` of an environment with the wheel and what it needs, nothing else.

    The packages that it needs are links to those of the tests: neither a network nor gigabytes are required.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    file = next(built.glob("*.whl"))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(folder / "bin" / "python"),
        "install",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*pip, "--quiet", str(file)], check=True, capture_output=True)
    with zipfile.ZipFile(file) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        needed = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist")
    for distribution in closure(needed):
        for top in {part.parts[0] for part in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin"


def closure(requirements: list[str]) -> list[Distribution]:
    """The installed distributions that requirements without extras need, directly or not."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(one), "") for one in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        key = requirement.name.lower().replace("_", "-")
        if key not in found:
            found[key] = metadata_of(requirement.name)
            waiting += [(Requirement(one), "") for one in found[key].requires or ()]
        for wanted in requirement.extras:
            waiting += [(Requirement(one), wanted) for one in found[key].requires or ()]
    return list(found.values())


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
    unneeded = ("pytest", "ruff", "mypy", "types-", "playwright", "onnx", "gradio", "wandb")
    assert not [line for line in needed if line.startswith(unneeded)]


def test_every_extra_is_there(metadata):
    extras = set(metadata.get_all("Provides-Extra"))
    assert {"tensorboard", "wandb", "export", "demo", "slurm", "docs", "measures", "test", "dev"} <= extras


def test_the_sdist_holds_what_building_needs(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "requirements.txt", "LICENSE", "README.md", "configs/fastcut.yaml", "cut/py.typed"} <= names


def test_in_an_empty_environment_everything_of_the_main_job_works(environment, tmp_path):
    """Train, translate, load, export and measure, from a folder without a clone."""
    for domain in ("trainA", "trainB"):
        write_image(tmp_path / "data" / domain / "1.png", (64, 64), seed=len(domain))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(program, *words):
        done = subprocess.run(
            [str(environment / program), *words], cwd=tmp_path, env=clean, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    assert run("cut", "--version") == (0, f"cut {cut.__version__}\n")
    sizes = ["--load_size", "64", "--crop_size", "64", "--n_epochs", "1", "--n_epochs_decay", "0"]
    words = [*TINY_OPTIONS, *sizes, "--dataroot", "data", "--name", "mine", "--evaluation_epoch_freq", "0"]
    status, said = run("cut", "train", "--config", "cut", *words)
    assert status == 0, said
    assert "cut translate --name mine" in said
    status, said = run("cut", "translate", "--name", "mine", "--input", "data/trainA", "--output", "out")
    assert status == 0 and (tmp_path / "out" / "1.png").is_file(), said
    code = "import cut, numpy; print(cut.load('checkpoints/mine')(numpy.zeros((8, 8, 3), 'uint8')).shape, cut.__file__)"
    status, said = run("python", "-c", code)
    assert status == 0 and said.startswith("(8, 8, 3)") and str(environment.parent) in said
    assert run("cut", "weights", "checkpoints/mine/latest_net_G.pth")[0] == 0
    status, said = run("cut", "export", "--name", "mine", "--format", "torchscript")
    assert status == 0 and (tmp_path / "checkpoints/mine/latest.torchscript.pt").is_file(), said
    status, said = run("cut", "export", "--name", "mine")
    assert status == 2 and "pip install 'cut-translation[export]'" in said
