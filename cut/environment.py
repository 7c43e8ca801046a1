"""What every script imports first, before the imports that take their time and may fail.

A Python without the packages, a start without open streams, and Ctrl-C during the imports are no traceback. It needs
the standard library alone. Importing it installs all this; only scripts do.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from cut.commands import DISTRIBUTION, ROOT, by_console
from cut.ctrl_c import ends_imports

OLDEST = (3, 11)
if sys.version_info < OLDEST:
    sys.exit("Python %d.%d or newer is needed, and this is %d.%d." % (*OLDEST, *sys.version_info[:2]))  # noqa: UP031

OWN = {"cut", *(path.stem for folder in ("scripts", "datasets") for path in (ROOT / folder).glob("*.py"))}


def missing_package(error: ImportError) -> str | None:
    """Name of the package that could not be imported; None when that is a module of this project."""
    trace, name = error.__traceback__, (error.name or "").split(".")[0]
    while trace is not None and not name:  # raised by the package itself: what was its file?
        file = Path(trace.tb_frame.f_code.co_filename)
        own = file.is_relative_to(ROOT) and "site-packages" not in file.parts
        name = "" if own or not file.is_file() else _top(file)
        trace = trace.tb_next
    return name if name and name not in OWN else None


def sentence(package: str, reason: str = "") -> str:
    """What is missing and how to get it.

    Args:
        package: the one that could not be imported.
        reason: why, where it is there and fails.
    """
    others = [name for name in ("torch",) if name != package and not _is_there(name)]
    where = "" if Path.cwd() == ROOT else f"{ROOT}/"
    activate = f"source {where}.venv/bin/activate"
    make = f"bash {where}scripts/environment.sh"
    made = (ROOT / ".venv/bin/python").exists() and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve()
    what = f"cannot import {package} ({reason})" if reason else f"has no {' and no '.join([*others, package])}"
    then = f"activate the environment with `{activate}`, or make it anew with `{make}`"
    if not (ROOT / "scripts/environment.sh").is_file():  # installed, not a clone
        then = f"install it with `{sys.executable} -m pip install {DISTRIBUTION}`"
    elif not made:
        then = f"make the environment with `{make}` and activate it with `{activate}`"
    return f"This Python ({sys.executable}) {what}: {then}."


def _top(file: Path) -> str:
    """The package or module that a file belongs to."""
    while (file.parent / "__init__.py").is_file():
        file = file.parent
    return file.stem


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    package = missing_package(error) if isinstance(error, ImportError) else None
    if package is None:
        return _before(kind, error, trace)
    absent = isinstance(error, ModuleNotFoundError) and not (error.name is None and _is_there(package))
    print(sentence(package, "" if absent else str(error)), file=sys.stderr)
    sys.exit(2)


def _open_closed_streams() -> None:
    """A stream that was closed (`>&-`) would lend its number to the next file, which prints would then go into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the smallest free number


def _runs_a_script() -> bool:
    """Whether this process was started with train.py, test.py, one of scripts/ or `cut`, and not with a test, say."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return by_console() or (file is not None and Path(file).resolve().parent in (ROOT, ROOT / "scripts"))


_open_closed_streams()
if _runs_a_script():
    ends_imports()
_before, sys.excepthook = sys.excepthook, _explain
