"""The exceptions whose messages are meant for the user, and how a script ends with them."""

import sys
from collections.abc import Callable

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


class RunFailed(UserError):
    """A run that started correctly and cannot continue, such as one whose loss is no longer finite."""

    exit_status = 1


def counted(count: int, noun: str) -> str:
    """ "1 image", "1,234 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def exit_status(work: Callable[[], int | None], for_reading: bool = True) -> int:
    """Run a script's `work`; the user's mistakes are reported as sentences on standard error, without a traceback.

    Args:
        work: returns the exit status, None for 0.
        for_reading: whether the work was to print something; else it made files (see `Streams.exit_status`).

    Returns:
        The exit status: what `work` returned; after a `UserError` its own, after Ctrl-C 130.

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
        except SystemExit as error:
            ended, status = error, int(bool(error.code))
    status = streams.exit_status(status, for_reading)
    if ended is not None and bool(ended.code) == bool(status):
        raise ended
    return status
