"""`cut.train`."""

from collections.abc import Sequence
from pathlib import Path

from cut.api.training_run import run_training
from cut.api.words import as_words
from cut.errors import RunFailed
from cut.options import Options, check_together, train_options


def train(options: Options | Sequence[str] = (), **values: object) -> Path:
    """Train a run to its end, as `cut train` does.

        folder = cut.train(dataroot="my_data", name="mine", CUT_mode="FastCUT", n_epochs=20, n_epochs_decay=20)
        translate = cut.load(folder)

    Args:
        options: as from `cut.options.train_options`, or words of a command line (`["--config", "horse2zebra_cut"]`).
        values: further options by name, as `--name value` on the command line; they win. `cut train --help` lists them.

    Returns:
        The folder of the run, which `cut.load` takes.

    Raises:
        UserError: with a sentence for every problem, before the first step where that is possible.
        RunFailed: when the run had to stop, or was asked to (Ctrl-C): it saved, and `continue_train=True` goes on.
    """
    if isinstance(options, Options):
        options = options.replace(**values) if values else options
        check_together(options)
    else:
        options = train_options([*options, *as_words(values)], to_run=True)
    if run_training(options):
        raise RunFailed(f"{options.run.name} was asked to stop and has saved: continue_train=True goes on.")
    return options.run.folder
