"""Defaults < the model's defaults < preset < saved options < --config < command line, resolved once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cut.errors import UserError
from cut.options import saved
from cut.options.catalogue import catalogue
from cut.options.check import problems_together
from cut.options.command_line import CommandLine, help_text, parse
from cut.options.files import read_yaml
from cut.options.layers import SCRIPTS, Layer, Merged, chosen, merge
from cut.options.options import Options


def train_options(arguments: Sequence[str]) -> Options:
    """The options of a training run.

    Args:
        arguments: words as after `python train.py`, such as `["--CUT_mode", "FastCUT", "--name", "mine"]`.

    Raises:
        UserError: with a sentence for every problem.
        SystemExit: with status 0 after printing the help, when asked for.
    """
    return _resolve(arguments, "train")


def test_options(arguments: Sequence[str]) -> Options:
    """The options of a translation with test.py; the generator's are read from what the trained run saved.

    Args, Raises: as `train_options`.
    """
    return _resolve(arguments, "test")


test_options.__test__ = False  # or pytest takes it for a test


def published_defaults(options: Options) -> dict[str, Any]:
    """The values that these options would have had with only --model and --CUT_mode given."""
    choice = Layer({"model": options.run.model, "CUT_mode": options.run.CUT_mode})
    return merge(options.script_phase, [choice]).values


def _resolve(arguments: Sequence[str], phase: str) -> Options:
    line = parse(arguments)
    given, problems = _given(line)
    if line.help:
        _print_help(phase, given)
    plain = merge(phase, given)
    _add_suffix(plain)
    stored = _saved_layers(phase, plain, problems)
    merged = merge(phase, [*stored, *given])
    merged.values["name"] = plain.values["name"]
    merged.values["suffix"] = ""  # it is in the name now, and would be added again when these options are read back
    changes: list[str] = []
    if phase == "train" and stored:
        changes, refusals = saved.compare(merge(phase, stored), merged)
        problems += refusals
    problems += plain.problems + merged.problems + problems_together(merged.values, merged.rejected, phase)
    if problems:
        raise UserError(*dict.fromkeys(problems))
    return Options.build(merged.values, is_train=phase == "train", dry_run=line.dry_run, changes=tuple(changes))


def _given(line: CommandLine) -> tuple[list[Layer], list[str]]:
    """What the person asked for, --config below the command line, and what is wrong with it already."""
    command, problems = Layer(line.values), list(line.problems)
    if line.config is None:
        return [command], problems
    try:
        config = Layer(read_yaml(Path(line.config)), line.config)
    except UserError as error:
        return [command], [*problems, *error.problems]
    preset = catalogue()["CUT_mode"]
    if {"CUT_mode"} <= line.values.keys() & config.values.keys() and chosen(preset, [command]) != chosen(preset, [config]):
        problems.append(
            f"--CUT_mode {line.values['CUT_mode']} contradicts {config.where('CUT_mode')}, whose other values would win "
            "over the preset; choose another file or leave --CUT_mode out."
        )
    return [config, command], problems


def _saved_layers(phase: str, plain: Merged, problems: list[str]) -> list[Layer]:
    """The options that the run of this name saved, as far as this start wants them."""
    folder = Path(plain.values["checkpoints_dir"]) / plain.values["name"]
    try:
        if phase == "test":
            return [saved.layer_to_translate(folder)]
        return [saved.layer_to_continue(folder)] if plain.values["continue_train"] else []
    except UserError as error:
        problems += error.problems
        return []


def _add_suffix(plain: Merged) -> None:
    """Add the suffix to the run's name, its {placeholders} filled in with the options."""
    suffix = plain.values["suffix"]
    if not suffix:
        return
    try:
        plain.values["name"] += "_" + suffix.format(**plain.values)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        plain.problems.append(f"--suffix {suffix!r} cannot be filled in with the options: {error!r}.")


def _print_help(phase: str, given: Sequence[Layer]) -> None:
    model = chosen(catalogue()["model"], given)
    print(help_text(SCRIPTS[phase], phase, model, merge(phase, given).values), end="")
    raise SystemExit(0)
