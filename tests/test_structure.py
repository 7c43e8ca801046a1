"""The shape of the code base: who imports whom, and what no file contains."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CUT = ROOT / "cut"
LAYERS = [
    {"ctrl_c", "terminal", "commands"},
    {"environment"},
    {"errors", "lazy", "strict_json"},
    {"reading", "registry", "measures", "html", "plots", "processes"},
    {"device"},
    {"memory", "servers"},
    {"options"},
    {"data"},
    {"precision"},
    {"networks"},
    {"losses"},
    {"models"},
    {"training"},
    {"monitoring", "evaluation"},
    {"export", "api"},
    {"cli"},
    {"__main__"},
]
LONGEST_FILE = 350
SOURCES = sorted(
    file for place in ("cut", "scripts", "datasets", "tests") for file in (ROOT / place).rglob("*.py")
) + sorted(ROOT.glob("*.py"))


def rank(package: str) -> int:
    """How far right a part of `cut` stands."""
    return next(number for number, layer in enumerate(LAYERS) if package in layer)


def imported_modules(file: Path) -> set[str]:
    """Every module that a file imports, inside functions too, as an absolute name."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(file.relative_to(ROOT).parts[: -node.level]) + "." if node.level else ""
            module = (package + (node.module or "")).rstrip(".")
            modules |= {f"{module}.{name.name}" for name in node.names}
    return modules


def parts_of_cut(file: Path) -> set[str]:
    return {module.split(".")[1] for module in imported_modules(file) if module.startswith("cut.")}


def part(file: Path) -> str:
    return file.relative_to(CUT).parts[0].removesuffix(".py")


MODULES = [file for file in sorted(CUT.rglob("*.py")) if file != CUT / "__init__.py"]  # which fills the registries


def test_every_part_has_its_place():
    assert {part(file) for file in MODULES} == set().union(*LAYERS)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(CUT)))
def test_imports_go_leftward(file):
    own = part(file)
    wrong = {other for other in parts_of_cut(file) if other != own and rank(other) >= rank(own)}
    assert not wrong, f"{own} imports {', '.join(wrong)}"


@pytest.mark.parametrize(
    "package", ["options", "environment.py", "terminal.py", "errors.py", "reading.py", "registry.py", "measures.py"]
)
def test_what_a_run_is_needs_no_torch(package):
    files = (CUT / package).rglob("*.py") if (CUT / package).is_dir() else [CUT / package]
    for file in files:
        assert not {module for module in imported_modules(file) if module.split(".")[0] == "torch"}, file


@pytest.mark.parametrize("package", ["networks", "losses"])
def test_networks_and_losses_take_plain_arguments(package):
    """From the options they may import how to declare their own, never the object that says what a run is."""
    for file in (CUT / package).glob("*.py"):
        seen = {module.split(".")[-1] for module in imported_modules(file) if module.startswith("cut.options")}
        assert not {name for name in seen if name == "Options" or name.endswith("_options")}, file


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_are_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_no_file_names_a_machine():
    """Absolute paths of somebody's machine and addresses inside somebody's network help nobody else."""
    own = Path(__file__).relative_to(ROOT).as_posix()
    private = re.compile(
        r"(?<![\w.])/(?:home|Users|root|work|mnt|scratch)/\w|[A-Z]:\\Users|"
        r"(?<![\d.])(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}(?![\d.])"
    )
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    for name in filter(None, tracked.stdout.split("\0")):
        file = ROOT / name
        if name == own or not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and arrays
        found = private.search(text)
        assert found is None, f"{name}: {found.group()}"
