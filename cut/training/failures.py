"""What is said of an error that ends a run or a part of it."""

import traceback
from pathlib import Path

from cut.data.batch import Batch
from cut.errors import UserError, some
from cut.training.atomic import write_atomically

REPORT = "failure.txt"
NAMED = 8  # files


def explained(error: Exception) -> str:
    """What went wrong as one sentence: a `UserError` is one; of the others the kind and the first line."""
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ").removesuffix(".") + "."


def files_of(batch: Batch) -> str:
    """ "A/1.png, B/7.png": the files of a batch, some of them where they are many."""
    return some([*batch.source_paths, *batch.target_paths], NAMED)


def write_report(folder: Path, error: Exception) -> Path | None:
    """Write the traceback, for those who look into the code; where it lies, or None where that failed."""
    text = "".join(traceback.format_exception(error))
    try:
        write_atomically(folder / REPORT, text.encode("utf-8", "backslashreplace"))
    except Exception:
        return None
    return folder / REPORT
