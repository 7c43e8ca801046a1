"""Translate with a trained generator; `--help` lists every option.

The papers' protocol:  python test.py --dataroot FOLDER --name NAME
Images of your own:    python test.py --name NAME --input FILE_OR_FOLDER --output FOLDER
"""

import sys

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.cli.translate import translate as main
from cut.options import run_script, test_options

if __name__ == "__main__":
    sys.exit(run_script(main, test_options, sys.argv[1:]))
