"""Defaults < the method's defaults < preset < saved options < --config < command line, resolved once."""

from collections.abc import Sequence
from pathlib import Path

from cut.commands import command
from cut.errors import UserError
from cut.options.machinery import saved
from cut.options.machinery.catalogue import catalogue, choices_for, under_own_names
from cut.options.machinery.command_line import CommandLine, help_text, parse
from cut.options.machinery.layers import SUB_COMMANDS, Layer, Merged, chosen, chosen_method, merge, read_yaml
from cut.options.machinery.rules import problems_together
from cut.options.options import Options
from cut.registry import MODELS


def train_options(arguments: Sequence[str], *, to_run: bool = False) -> Options:
    """The options of a training run.

    Args:
        arguments: words as after `python train.py`, such as `["--CUT_mode", "FastCUT", "--name", "mine"]`.
        to_run: whether a run follows, for which the data must be given (not with --dry_run).

    Raises:
        UserError: with a sentence for every problem.
        SystemExit: with status 0 after printing the help, when asked for.
    """
    return _resolve(arguments, "train", to_run)


def test_options(arguments: Sequence[str], *, to_run: bool = False) -> Options:
    """The options of a translation with test.py; the generator's are read from what the trained run saved.

    Args, Raises: as `train_options`.
    """
    return _resolve(arguments, "test", to_run)


test_options.__test__ = False  # type: ignore[attr-defined]  # or pytest takes it for a test


def check_together(options: Options) -> None:
    """
    Raises:
        UserError: when options that were not read from a command line cannot be run together.
    """
    phase = "train" if options.is_train else "test"
    if problems := problems_together(options.flat(), set(), phase, to_run=True):
        raise UserError(*dict.fromkeys(problems))


def _resolve(arguments: Sequence[str], phase: str, to_run: bool) -> Options:
    line = parse(arguments, phase)
    given, problems = _given(line)
    if line.help:
        _print_help(phase, given)
    plain = merge(phase, given)
    problems += _add_suffix(plain)
    stored = _saved_layers(phase, plain, given, problems)
    merged = merge(phase, [*stored, *given])
    merged.values["name"] = plain.values["name"]
    merged.values["suffix"] = ""  # it is in the name now, and would be added again when these options are read back
    changes: list[str] = []
    if phase == "train" and stored:
        changes, refusals = saved.compare(merge(phase, stored), merged)
        problems += refusals
    problems += _without_effect(phase, given, merged)
    complete = stored or not merged.values.get("continue_train")  # else its options are the ones that are missing
    to_run = to_run and complete and not line.dry_run
    problems += merged.problems + problems_together(merged.values, merged.rejected, phase, to_run)
    if problems:
        raise UserError(*dict.fromkeys(problems))
    backward = phase == "test" and _turns_back(stored, merged)
    return Options.build(
        merged.values,
        is_train=phase == "train",
        dry_run=line.dry_run,
        changes=tuple(changes),
        backward=backward,
    )


def _without_effect(phase: str, given: Sequence[Layer], merged: Merged) -> list[str]:
    """A sentence for each option that was given and belongs to a component that was not chosen.

    A file may hold the defaults of all components, as those that runs save do.
    """
    model = merged.values["model"]
    usual = merge(phase, [Layer({"model": model})]).values if any(layer.file for layer in given) else {}

    def is_default(name: str) -> bool:
        return all(merged.values.get(own) == usual.get(own) for own in under_own_names({name: None}, model))

    return [
        f"{layer.where(name)} is for --{option} {' or '.join(takers)}, not {merged.values[option]}: "
        "choose that, or leave it out."
        for layer in given
        for name in layer.values
        for option, takers in choices_for(name).items()
        if option in merged.values.keys() - merged.rejected and merged.values[option] not in takers
        if layer.file is None or not is_default(name)
    ]


def _turns_back(stored: Sequence[Layer], merged: Merged) -> bool:
    """Whether a direction is asked for that is not the run's own; then the channels of both sides are swapped."""
    trained = next((layer.values["direction"] for layer in stored if "direction" in layer.values), None)
    if trained in (None, merged.values["direction"]):
        return False
    merged.values["input_nc"], merged.values["output_nc"] = merged.values["output_nc"], merged.values["input_nc"]
    return True


def _given(line: CommandLine) -> tuple[list[Layer], list[str]]:
    """What the user gave, --config below the command line, and what is already known to be wrong with it."""
    command, problems = Layer(line.values), list(line.problems)
    if line.config is None:
        return [command], problems
    try:
        config = Layer(read_yaml(Path(line.config)), line.config)
    except UserError as error:
        return [command], [*problems, *error.problems]
    return [config, command], problems + _two_presets(config, command)


def _two_presets(config: Layer, command: Layer) -> list[str]:
    """Values of a config win over a preset, so one written for CUT would silently spoil --CUT_mode FastCUT."""
    model = chosen_method([config, command])
    name = MODELS[model].preset_option
    if name not in catalogue(model) or not all(name in layer.values for layer in (config, command)):
        return []
    preset = catalogue(model)[name]
    if chosen(preset, [config]) == chosen(preset, [command]):
        return []
    return [
        f"--{name} {command.values[name]} contradicts {config.where(name)}, "
        f"whose other values would win over the preset; choose another file, or leave --{name} out."
    ]


def _saved_layers(phase: str, plain: Merged, given: Sequence[Layer], problems: list[str]) -> list[Layer]:
    """The options that the run of this name saved, as far as they apply to this start."""
    folder = Path(plain.values["checkpoints_dir"]) / plain.values["name"]
    if plain.rejected & {"name", "checkpoints_dir"}:
        return []  # it is not known which run is meant
    try:
        if phase == "test":
            # Images of one's own keep their sizes; the papers' preprocessing applies only on request.
            own_size = [Layer({"preprocess": "none"})] if plain.values["input"] is not None else []
            asked = chosen_method(given) if any("model" in layer.values for layer in given) else None
            return [saved.layer_to_translate(folder, asked), *own_size]
        return [saved.layer_to_continue(folder)] if plain.values["continue_train"] else []
    except UserError as error:
        problems += error.problems
        return []


def _add_suffix(plain: Merged) -> list[str]:
    """Add the suffix, filled in with the options, to the run's name; returns what is wrong with it."""
    suffix = plain.values["suffix"]
    try:
        if suffix:
            plain.values["name"] += "_" + suffix.format(**plain.values)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        return [f"--suffix {suffix!r} cannot be filled in: each pair of braces must hold the name of an option."]
    return []


def _print_help(phase: str, given: Sequence[Layer]) -> None:
    plain, model = merge(phase, given), chosen_method(given)
    if "model" in plain.rejected:
        raise UserError(*plain.problems)
    print(help_text(command(SUB_COMMANDS[phase]), phase, model, plain.values), end="")
    raise SystemExit(0)
