"""Words of the command line → the options that were given, and `--help`. Values are checked elsewhere, together."""

import argparse
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from cut.errors import UserError
from cut.options.machinery.catalogue import catalogue, everything, published_names
from cut.options.machinery.declare import Declaration, is_truth
from cut.options.machinery.words import nearest_option, shown, with_negative_values, without_added_space
from cut.registry import MODELS

NO_VALUE = object()  # the option was given without a value

RUN_VERBS = {
    "help": "show this help and exit",
    "dry_run": "print the options as YAML and exit, before any data is touched or folder made",
    "config": "YAML file of options, or the name of a shipped one (horse2zebra_cut); the command line wins over it",
}


@dataclass(frozen=True)
class CommandLine:
    """What the command line contains.

    Attributes:
        values: the given options by name, still text; True for a flag.
        problems: sentences about what could not be understood.
        help, dry_run: whether they were asked for.
        config: the file of --config.
    """

    values: Mapping[str, Any]
    problems: tuple[str, ...]
    help: bool
    dry_run: bool
    config: str | None


def parse(arguments: Sequence[str], phase: str) -> CommandLine:
    """Split the words of a command line into options, without judging their values.

    Args:
        arguments: the words.
        phase: "train" or "test"; only that script's options are suggested for one that does not exist.

    Raises:
        UserError: when argparse itself fails.
    """
    known = everything()
    aliases = {alias: names for model in MODELS.names() for alias, names in published_names(model).items()}
    parser = _Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("-h", "--help", action="store_true", default=False)
    parser.add_argument("--dry_run", action="store_true", default=False)
    parser.add_argument("--config", nargs="?", const=NO_VALUE, default=None)
    for name in {**known, **aliases}:
        parser.add_argument(f"--{name}", nargs="?", const=NO_VALUE, type=without_added_space)
    found, unknown = parser.parse_known_args(with_negative_values(arguments))
    given = vars(found)
    help_, dry_run, config = (given.pop(verb) for verb in ("help", "dry_run", "config"))
    problems = _unknown_words(unknown, [*(name for name, item in known.items() if item.offered(phase)), *RUN_VERBS])
    if config is NO_VALUE:
        problems.append("--config needs a file.")
        config = None
    values = {}
    for name, word in given.items():
        try:
            values[name] = _bare_or_text(known.get(name) or known.get(aliases[name][0]), word)
        except ValueError as error:
            problems.append(f"--{name} {error}.")
    return CommandLine(values, tuple(problems), help_, dry_run, config)


def help_text(script: str, phase: str, model: str, defaults: Mapping[str, Any]) -> str:
    """What `--help` prints: the options of one script and method, grouped by concern, with these defaults."""
    parser = _Parser(prog=script, usage=f"{script} [options]", add_help=False, formatter_class=_HelpFormatter)
    general = parser.add_argument_group("General")
    for verb, words in RUN_VERBS.items():
        names = ("-h", "--help") if verb == "help" else (f"--{verb}",)
        form: dict[str, Any] = {"metavar": "FILE"} if verb == "config" else {"action": "store_true"}
        general.add_argument(*names, help=words, **form)
    offered = [item for item in catalogue(model).values() if item.offered(phase)]
    for heading, items in itertools.groupby(offered, key=lambda item: item.group):
        _add_to_help(parser.add_argument_group(heading), items, defaults, phase)
    return parser.format_help()


def _add_to_help(group: Any, items: Iterable[Declaration], defaults: Mapping[str, Any], phase: str) -> None:
    """Describe these options in one group of an argparse parser; argparse formats with %."""
    for declaration in items:
        name = declaration.name
        words = declaration.help.replace("%", "%%")
        if declaration.flag:
            group.add_argument(f"--{name}", action="store_true", help=words)
        else:
            default = shown(defaults[name]).replace("%", "%%")
            group.add_argument(f"--{name}", metavar=_metavar(declaration, phase), help=f"{words} [{default}]")


def _metavar(declaration: Declaration, phase: str) -> str:
    """The placeholder for the value: the choices, or the kind of value."""
    allowed = declaration.allowed()
    if declaration.choices == MODELS.names:
        allowed = tuple(entry.name for entry in MODELS.entries() if phase in entry.phases)
    if allowed is not None:
        return "{" + ",".join(allowed) + "}"
    if declaration.kind is bool:
        return "{true,false}"
    return {int: "N", float: "X"}.get(declaration.kind, "N" if "int" in str(declaration.kind) else "TEXT")


def _bare_or_text(declaration: Declaration | None, word: Any) -> Any:
    if declaration is not None and declaration.flag and word is not NO_VALUE and not is_truth(word):
        raise ValueError(f"takes true, false or no value, so {word!r} cannot follow it")
    if word is NO_VALUE and (declaration is None or declaration.kind is not bool):
        raise ValueError("needs a value")
    return True if word is NO_VALUE else word  # as published, a bare --nce_idt is true


def _unknown_words(words: Sequence[str], known: Sequence[str]) -> list[str]:
    problems = []
    follows_unknown = False  # then the word is the value of an unknown option, which was reported
    for word in words:
        if word.startswith("-") and word != "-":
            name = word.lstrip("-").split("=")[0]
            near = nearest_option(name, known).replace("mean ", "mean --")
            problems.append(f"There is no option {word.split('=')[0]}{near}.")
            follows_unknown = True
        elif not follows_unknown:
            problems.append(f"{word!r} belongs to no option.")
    return problems


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"The command line cannot be read: {message}.")


class _HelpFormatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=110)
