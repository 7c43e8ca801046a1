"""Docstrings of this project for the site's reference: arguments that share a description get it one by one."""

import re
from typing import Any

import griffe

_SHARED = re.compile(r"^( +)(\w+(?:, \w+)+): (.*(?:\n\1 +.*)*)", re.M)


class SharedDescriptions(griffe.Extension):
    """Turns the line `height, width: in pixels.` into one line for each name, so that each gets its type."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = one_by_one(obj.docstring.value)


def one_by_one(docstring: str) -> str:
    """A docstring in which no arguments share a description."""

    def separate(match: re.Match[str]) -> str:
        indent, names, text = match.groups()
        return "\n".join(f"{indent}{name}: {text}" for name in names.split(", "))

    return _SHARED.sub(separate, docstring)
