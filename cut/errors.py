"""The exceptions whose messages are meant for the user, and how a script ends with them."""

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
        return type(self), self.problems  # can be pickled, from a data worker to the main process


class RunFailed(UserError):
    """A run that started correctly and cannot continue, such as one whose loss is no longer finite."""

    exit_status = 1


def exit_status(work: Callable[[], int | None]) -> int:
    """Run a script's `work`; the user's mistakes are reported as sentences on standard error, without a traceback.

    Returns:
        What `work` returned (0 for None); after a `UserError` its status, after Ctrl-C 130.
    """
    try:
        return work() or 0
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
