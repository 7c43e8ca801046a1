"""`cut train …`, `cut translate …`: one console command for all programs of this project."""

import importlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = {
    "train": ("train", "train a model"),
    "translate": ("translate", "translate images with a trained model, or run a paper's test protocol"),
    "evaluate": ("evaluate", "FID and other measures of two folders, or of a run's epochs"),
    "export": ("export", "write a generator as ONNX, TorchScript or torch.export"),
    "weights": ("weights", "what a file of weights is, and how to use it"),
    "benchmark": ("benchmark", "speed and memory of training steps on this machine"),
}
"""The sub-commands: the module in `cut.cli` whose `main` takes the words after it, and what it does."""

_OF_THE_SYSTEM = ("-b", "-c", "-f", "--bytes", "--characters", "--fields")


def console() -> int:
    """What the installed command `cut` runs.

    Unix has a `cut` of its own, which takes columns out of lines, and shell scripts in an active environment mean that
    one. It always needs one of three options that no sub-command is called; words with one are handed over to it.
    """
    words = sys.argv[1:]
    if words and words[0] not in COMMANDS and any(word.startswith(_OF_THE_SYSTEM) for word in words):
        system = systems_cut(Path(sys.argv[0]))
        if system is not None:
            os.execv(system, ["cut", *words])
    return main(words)


def systems_cut(own: Path) -> str | None:
    """The program `cut` on the search path that is not this one; None where there is none, as on Windows."""
    for folder in os.get_exec_path():
        found = shutil.which("cut", path=folder)
        if found is not None and os.path.dirname(os.path.abspath(found)) != os.path.dirname(os.path.abspath(own)):
            return found
    return None


def main(words: Sequence[str]) -> int:
    """Run the sub-command that the first word names with the others.

    Returns:
        The exit status.
    """
    import cut.environment  # it explains what is missing below

    if words and words[0] in COMMANDS:
        module = importlib.import_module(f"cut.cli.{COMMANDS[words[0]][0]}")
        return module.main(list(words[1:]))
    from cut.errors import UserError, exit_status

    def work() -> None:
        if words and words[0] == "--version":
            print(f"cut {cut.__version__}")
        elif words and words[0] not in ("-h", "--help"):
            from cut.options.machinery.words import did_you_mean

            near = did_you_mean(words[0], list(COMMANDS))
            raise UserError(f"There is no command cut {words[0]}{near}; there are {', '.join(COMMANDS)}.")
        else:
            print(help_text())

    return exit_status(work)


def help_text() -> str:
    """What `cut` and `cut --help` print."""
    width = max(map(len, COMMANDS))
    lines = [f"  cut {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "Unpaired image-to-image translation: train, translate, measure.",
            "",
            *lines,
            "",
            "`cut COMMAND --help` lists the options of each; `cut --version` says which version this is.",
        ]
    )
