"""How one option is declared: a dataclass field that carries its help, its choices and its check.

    @dataclass(frozen=True)
    class MyOptions:
        lambda_mine: float = option(1.0, "weight of my loss", check=at_least(0))

The annotation is the type: `int`, `float`, `str`, `bool`, `Count` (a whole number or inf), `int | None`, `str | None`.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints

from cut.options.machinery.words import LARGEST, VALUES_ELSEWHERE, brief, did_you_mean, unusable_letters

Count = int | float
"""A whole number, or math.inf for "all of them"."""

TRUE_WORDS = ("true", "yes", "t", "y", "1")
FALSE_WORDS = ("false", "no", "f", "n", "0")
_SAME = object()  # "the default of testing is that of training": None is a value of its own


def option(
    default: Any,
    help: str,
    *,
    test: Any = _SAME,
    phase: str | None = None,
    choices: Iterable[str] | Callable[[], Iterable[str]] | None = None,
    also: Callable[[], Mapping[str, str]] | None = None,
    check: Callable[[Any], str | None] | None = None,
    flag: bool = False,
    ignore_case: bool = False,
    unusable: Iterable[str] = (),
    fixed: bool | None = None,
    from_training: bool | None = None,
) -> Any:
    """Declare one option: the field of a frozen dataclass, whose name is the option's name.

    Args:
        default: the value when nothing else sets it.
        help: one line for `--help`.
        test: the default of test.py, where it differs.
        phase: "train" or "test" when only one of the scripts takes it.
        choices: the allowed values, or a function that lists them when they are needed
            (`choices=GENERATORS.names` offers whatever is registered by then).
        also: lists other words for some of the choices, which stand for these.
        check: returns what the value must be ("at least 1") when it is not, else None.
        flag: a bool that is switched on by naming it; false after its name switches off a method's default.
        ignore_case: match the choices in any case and keep their own spelling.
        unusable: values that the published program listed but crashed on.
        fixed: `--continue_train` refuses to change it, because the run so far would make no sense. When not given, that
            holds for the own options of networks and data sets.
        from_training: test.py takes it from the options that the training run saved. When not said, that holds for the
            own options of generators.
    """
    declaration = Declaration(
        default=default,
        help=help,
        test=default if test is _SAME else test,
        phase=phase,
        choices=choices if callable(choices) or choices is None else tuple(choices),
        also=also,
        check=check,
        flag=flag,
        ignore_case=ignore_case,
        unusable=tuple(unusable),
        fixed=fixed,
        from_training=from_training,
    )
    return field(default=default, metadata={"option": declaration})


@dataclass(frozen=True)
class Declaration:
    """The arguments of `option`, with what follows from the field it declares.

    Attributes:
        name: the field's name.
        kind: the field's annotation.
        group: the heading under which it is shown.

    The others are the arguments of `option`.
    """

    default: Any
    help: str
    test: Any
    phase: str | None
    choices: tuple[str, ...] | Callable[[], Iterable[str]] | None
    also: Callable[[], Mapping[str, str]] | None
    check: Callable[[Any], str | None] | None
    flag: bool
    ignore_case: bool
    unusable: tuple[str, ...]
    fixed: bool | None
    from_training: bool | None
    name: str = ""
    kind: Any = None
    group: str = ""

    def offered(self, phase: str) -> bool:
        """Whether a script of this phase takes the option."""
        return self.phase in (None, phase)

    def default_in(self, phase: str) -> Any:
        """The default of one script, "train" or "test"."""
        return self.test if phase == "test" else self.default

    def allowed(self) -> tuple[str, ...] | None:
        """The choices as they are now, or None when any value of the right type will do."""
        return tuple(self.choices()) if callable(self.choices) else self.choices

    def read(self, raw: Any) -> Any:
        """The value of a word of the command line or of a YAML scalar.

        Raises:
            ValueError: what is wrong, to follow the option's name ("is 0 but must be at least 1").
        """
        phrase, reader = READERS[self.kind]
        try:
            value = reader(raw)
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"is {brief(raw)} but must be {phrase}") from None
        value = self._chosen(value)
        expected = self.check(value) if self.check and value is not None else None
        if expected:
            raise ValueError(f"is {brief(value)} but must be {expected}")
        return value

    def _chosen(self, value: Any) -> Any:
        """The value as the choices spell it."""
        allowed = self.allowed()
        if allowed is None or value in allowed:
            return value
        if self.also is not None and value in self.also():
            return self.also()[value]
        for choice in allowed if self.ignore_case else ():
            if choice.lower() == value.lower():
                return choice
        choose = f"choose one of {', '.join(allowed)}"
        if value in self.unusable:
            raise ValueError(f"is {value!r}, which the published program listed but crashed on; {choose}")
        if meant := VALUES_ELSEWHERE.get((self.name, str(value).lower())):
            raise ValueError(f"is {value!r}, for which you write {meant} here")
        raise ValueError(f"is {brief(value)}, which is not a choice{did_you_mean(value, allowed)}; {choose}")


@cache
def declarations(group: type, heading: str) -> tuple[Declaration, ...]:
    """The options of a dataclass, in the order of its fields."""
    kinds = get_type_hints(group)
    for item in dataclasses.fields(group):
        if "option" not in item.metadata or kinds[item.name] not in READERS:
            raise TypeError(f"{group.__name__}.{item.name}: declare it with option(), as one of the types it lists")
    return tuple(
        dataclasses.replace(item.metadata["option"], name=item.name, kind=kinds[item.name], group=heading)
        for item in dataclasses.fields(group)
    )


@dataclass(frozen=True)
class Range:
    """A check for numbers; it can be compared, so that two equal declarations are equal.

    Attributes:
        low, high: the limits.
        open_low, open_high: whether the limit itself is outside.
        expected: the wording of messages.
    """

    low: float
    high: float
    open_low: bool
    open_high: bool
    expected: str

    def __call__(self, value: float) -> str | None:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return None if above and below else self.expected  # not a number fails both


def at_least(low: float) -> Range:
    """low ≤ value; inf is allowed."""
    return Range(low, math.inf, False, False, f"at least {low}")


def finite_at_least(low: float) -> Range:
    """low ≤ value < inf."""
    return Range(low, math.inf, False, True, f"a finite number of at least {low}")


def positive() -> Range:
    """0 < value < inf."""
    return Range(0, math.inf, True, True, "a finite number above 0")


def between(low: float, high: float) -> Range:
    """low ≤ value ≤ high."""
    return Range(low, high, False, False, f"from {low} to {high}")


def at_least_and_below(low: float, high: float) -> Range:
    """low ≤ value < high."""
    return Range(low, high, False, True, f"at least {low} and below {high}")


def _integer(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise TypeError
    number = int(raw)
    if abs(number) >= LARGEST:
        raise OverflowError
    return number


def _number(raw: Any) -> float:
    if isinstance(raw, bool):
        raise TypeError
    return float(raw)  # from text too: YAML 1.1 reads 2e-4 as text


def _text(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise TypeError
    if unusable_letters(str(raw)):
        raise ValueError
    return str(raw)  # "epoch: 20" and "name: 7" are numbers to YAML


def is_truth(raw: Any) -> bool:
    """Whether a value is true or false, in any spelling."""
    return str(raw).lower() in TRUE_WORDS + FALSE_WORDS


def _truth(raw: Any) -> bool:
    if not is_truth(raw):
        raise ValueError
    return str(raw).lower() in TRUE_WORDS


def _count(raw: Any) -> Count:
    return math.inf if str(raw).lower() in ("inf", ".inf") else _integer(raw)


def _integer_or_none(raw: Any) -> int | None:
    return None if raw is None or str(raw).lower() == "none" else _integer(raw)


def _text_or_none(raw: Any) -> str | None:
    return None if raw is None else _text(raw)


READERS: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    int: ("a whole number", _integer),
    float: ("a number", _number),
    str: ("text", _text),
    bool: ("true or false", _truth),
    Count: ("a whole number or inf", _count),
    int | None: ("a whole number or none", _integer_or_none),
    str | None: ("text", _text_or_none),
}
