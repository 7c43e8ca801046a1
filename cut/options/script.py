"""How the scripts run: options in, exit status out, and the user's mistakes reported as sentences."""

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec

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

    Raises:
        ModuleNotFoundError: without PyTorch; the scripts explain it (`cut.environment`).
    """

    for_reading = bool({"-h", "--help", "--dry_run"} & set(arguments))

    def work() -> int | None:
        if not for_reading and find_spec("torch") is None:  # before any advice on the options
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        options = parse(arguments, to_run=True)
        if options.dry_run:
            everywhere = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
            print(as_yaml(options, in_ascii=not everywhere), end="")  # read back as UTF-8, which ASCII is too
            return 0
        return main(options)

    return exit_status(work, for_reading)
