"""The exceptions whose messages are meant for the user, and how a script ends with them."""

import errno
import sys
from collections.abc import Callable, Sequence

from cut.terminal import Streams, readable


class UserError(Exception):
    """What was wrong and what to do, one sentence per problem.

    The scripts print it without a traceback and exit with status 2; anything else that escapes is a bug.

    Args:
        problems: one sentence each; several when several things were found wrong together.
    """

    exit_status = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems

    def __reduce__(self):
        return type(self), self.problems  # can be pickled, from a data worker to the main process

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows, which asks for it by this name: the sentences alone, as in a terminal."""
        return [readable(str(self))]


class RunFailed(UserError):
    """A run that started correctly and cannot continue, such as one whose loss is no longer finite."""

    exit_status = 1


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, Pillow or PyTorch raised `error` because there was no memory."""
    of_torch = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return of_torch or isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _of_the_machine(error: Exception) -> str | None:
    """A sentence for what the machine has too little of; None for an error of another kind."""
    first = f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
    if is_out_of_memory(error):
        return f"The memory is not enough ({first}): use smaller images, networks or batches, or end other programs."
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return f"Too many files are open at once ({first}): raise the limit (ulimit -n), or use --num_threads 0."
    return None


def counted(count: int, noun: str) -> str:
    """ "1 image", "1,234 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def some(items: Sequence[object], most: int) -> str:
    """ "a.png, b.png and 7 more": the first of many, separated by commas."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more


def exit_status(work: Callable[[], int | None], for_reading: bool = True) -> int:
    """Run a script's `work`; the user's mistakes are reported as sentences on standard error, without a traceback.

    Args:
        work: returns the exit status, None for 0.
        for_reading: whether the work was to print something; else it made files (see `Streams.exit_status`).

    Returns:
        The exit status: what `work` returned; after a `UserError` its own, after Ctrl-C 130, and 1
        where the memory or the number of open files was not enough.

    Raises:
        SystemExit: from argparse, after help or a mistake.
    """
    streams = Streams()
    ended: SystemExit | None = None
    with streams.lasting():
        try:
            status = work() or 0
        except UserError as error:
            print(readable(str(error)), file=sys.stderr)
            status = error.exit_status
        except KeyboardInterrupt:
            status = 130
        except Exception as error:
            sentence = _of_the_machine(error)
            if sentence is None:
                raise
            print(readable(sentence), file=sys.stderr)
            status = RunFailed.exit_status
        except SystemExit as error:
            ended, status = error, int(bool(error.code))
    status = streams.exit_status(status, for_reading)
    if ended is not None and bool(ended.code) == bool(status):
        raise ended
    return status
