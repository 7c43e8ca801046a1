"""Options as keywords → the words of a command line, so that both are read and checked alike."""

from collections.abc import Mapping


def as_words(options: Mapping[str, object]) -> list[str]:
    """`{"lr": 0.001, "nce_idt": True}` → `["--lr=0.001", "--nce_idt=true"]`; None leaves an option out."""
    given = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()
             if value is not None}  # fmt: skip
    return [f"--{name}={value}" for name, value in given.items()]
