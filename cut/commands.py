"""How the user starts the programs of this project: the scripts of a clone, or the console command."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTION = "cut-translation"  # what pip calls it
SCRIPTS = {
    "train": "train.py",
    "translate": "test.py",
    "evaluate": "scripts/evaluate_fid.py",
    "benchmark": "scripts/benchmark.py",
}
"""Sub-commands that a script of the clone stands for too."""


def by_console() -> bool:
    """Whether this process was started as `cut …` or `python -m cut …`."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None:
        return False
    path = Path(file)
    return path.resolve() == ROOT / "cut" / "__main__.py" or path.stem == "cut" or path.parent.name == "cut.exe"


def program_of(name: str) -> str:
    """How sentences call a sub-command: `train.py` in a clone, `cut train` elsewhere."""
    script = SCRIPTS.get(name)
    return f"cut {name}" if script is None or by_console() or not (ROOT / script).is_file() else script


def command(name: str) -> str:
    """What starts a sub-command, as the user would write it: `python train.py` in a clone, `cut train` elsewhere."""
    program = program_of(name)
    return program if program.startswith("cut ") else f"python {program}"


def install(extra: str) -> str:
    """The command that installs an extra of this package."""
    return f"pip install '{'.' if (ROOT / 'setup.py').is_file() else DISTRIBUTION}[{extra}]'"
