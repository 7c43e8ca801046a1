"""Train a model: `python train.py --dataroot FOLDER --name NAME [--CUT_mode FastCUT]`; `--help` lists every option."""

import sys

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.api.training_run import run_training as main
from cut.options import run_script, train_options

if __name__ == "__main__":
    sys.exit(run_script(main, train_options, sys.argv[1:]))
