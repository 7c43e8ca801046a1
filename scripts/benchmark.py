"""`cut benchmark` from a clone: speed and memory of training steps on synthetic images; see `--help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.cli.benchmark import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
