"""How the scripts run: options in, exit status out, and the user's mistakes reported as sentences."""

from collections.abc import Callable, Sequence

from cut.errors import exit_status
from cut.options.machinery.printing import as_yaml
from cut.options.options import Options


def run_script(main: Callable[[Options], int | None], parse: Callable[..., Options], arguments: Sequence[str]) -> int:
    """Resolve the options and run `main` with them, or print them for --dry_run.

    Args:
        main: does the work; returns the exit status, None for 0.
        parse: `train_options` or `test_options`.
        arguments: the words after the script's name.

    Returns:
        The exit status; after a `UserError` its own, and its sentences go to the standard error stream.
    """

    def work() -> int | None:
        options = parse(arguments, to_run=True)
        if options.dry_run:
            print(as_yaml(options), end="")
            return 0
        return main(options)

    return exit_status(work)
