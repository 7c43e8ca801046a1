"""`cut train` and train.py."""

from collections.abc import Sequence

from cut.api.training_run import run_training
from cut.options import run_script, train_options


def main(words: Sequence[str]) -> int:
    """Train with the options of a command line; returns the exit status."""
    return run_script(run_training, train_options, words)
