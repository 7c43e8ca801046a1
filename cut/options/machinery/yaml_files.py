"""YAML files, checked as a whole: names with plain values, none twice, nothing that only looks like a value."""

import os
from pathlib import Path
from typing import Any

import yaml

from cut.errors import UserError
from cut.options.machinery.words import LARGEST, unusable_letters
from cut.reading import open_regular

_MOST_BYTES = 2**20  # files of options have some thousand
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


def load_yaml(path: Path) -> dict[str, Any]:
    """The top-level names and values of a YAML file. What looks like a date is text.

    Raises:
        FileNotFoundError: when there is no file.
        UserError: when it is not YAML, or holds anything but names with values.
    """
    try:
        content = yaml.load(_text(path), Loader=_PlainLoader)
        named = {str(name): value for name, value in content.items()} if isinstance(content, dict) else None
    except (FileNotFoundError, UserError):
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"{path} is not valid YAML: {error.problem} in line {line}.") from None
    except RecursionError:
        raise UserError(f"{path} is not valid YAML: its lists or braces are nested too deeply.") from None
    except Exception as error:  # PyYAML lets errors of many kinds through
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path} is not valid YAML: {reason}.") from None
    if content is None:
        return {}
    if named is None:
        raise UserError(f"{path} must hold lines of the form 'option: value'.")
    return named


def _text(path: Path) -> str:
    with open_regular(path) as stream:
        if os.fstat(stream.fileno()).st_size > _MOST_BYTES:
            raise UserError(f"{path} is larger than 1 MiB, which no file of options is; check its name.")
        return stream.read().decode("utf-8")


class _PlainLoader(yaml.SafeLoader):
    """Plain YAML, in which every odd value is an error with its line.

    PyYAML would take the last of several equal names, and fail with exceptions of its parts for values that only look
    like numbers or dates. A reference to a list (*name) is an error too: a few of them multiply to any size.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent) and not isinstance(node, yaml.ScalarNode):
            raise _problem(f"*{event.anchor} stands for a list or names, which must be written out", event)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        shown = repr(node.value[:40]) if isinstance(node.value, str) else node.tag
        try:
            value = super().construct_object(node, deep=True)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:
            raise _problem(f"{shown} is no value that can be read", node) from None
        if isinstance(value, int) and not -LARGEST < value < LARGEST:
            raise _problem(f"{shown} is too large a number", node)
        if isinstance(value, str) and unusable_letters(value):
            raise _problem(f"{ascii(value[:40])} has a letter that no name can have", node)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        if not isinstance(node, yaml.MappingNode):
            raise _problem("a list or a value stands where names with values are expected", node)
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str | int | float | None):
                raise _problem("a name is a list or of another kind", key)
            if name in seen:
                raise _problem(f"{name} is given twice", key)
            seen.add(name)
        return super().construct_mapping(node, deep)


_PlainLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _problem(problem: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)
