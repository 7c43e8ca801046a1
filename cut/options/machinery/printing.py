"""Options as text: the YAML that `--config` reads back, and the published `train_opt.txt`."""

from typing import Any

import yaml

from cut.options.machinery.catalogue import catalogue
from cut.options.machinery.layers import Layer, merge
from cut.options.options import Options
from cut.registry import MODELS


def as_yaml(options: Options, in_ascii: bool = False) -> str:
    """Every option of this script as flat YAML with a comment above each group; `--config` reads it back.

    Args:
        in_ascii: escape all other characters.
    """
    known, heading = catalogue(options.run.model), None
    lines: list[str] = []
    for name, value in options.flat().items():
        if known[name].group != heading:
            heading = known[name].group
            lines.append(f"{chr(10) if lines else ''}# {heading}\n")
        lines.append(yaml.safe_dump({name: value}, allow_unicode=not in_ascii, width=10_000))
    return "".join(lines)


def as_saved_yaml(options: Options) -> str:
    """What a training run keeps as `options.yaml`: `as_yaml` without the options that concern a single start."""
    return as_yaml(options.replace(continue_train=False, quiet=False))


def defaults(options: Options) -> dict[str, Any]:
    """What every option of this script would be if only the method and its preset had been chosen."""
    preset = MODELS[options.run.model].preset_option
    chosen = {name: value for name, value in options.flat().items() if name in ("model", preset)}
    return merge(options.script_phase, [Layer(chosen)]).values


def as_train_opt(options: Options) -> str:
    """The published form of `train_opt.txt`: sorted by name, with the default beside every value that differs."""
    usual = defaults(options)
    lines = ["----------------- Options ---------------"]
    for name, value in sorted(options.flat().items()):
        comment = "" if value == usual[name] else f"\t[default: {usual[name]}]"
        lines.append(f"{name:>25}: {value!s:<30}{comment}")
    return "\n".join([*lines, "----------------- End -------------------", ""])
