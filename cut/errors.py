"""The one exception that is meant for the person who ran the command, and how a script ends with it."""

import sys
from collections.abc import Callable


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
        return type(self), self.problems  # survives the way from a data worker to the main process


class RunFailed(UserError):
    """A run that began well and cannot go on, such as one whose loss is no longer finite."""

    exit_status = 1


def exit_status(work: Callable[[], int | None]) -> int:
    """Run a script's `work`; a person's mistake is sentences on the standard error stream instead of a traceback.

    Returns:
        What `work` returned, None being 0; after a `UserError` its own status, after Ctrl-C 130.
    """
    try:
        return work() or 0
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
