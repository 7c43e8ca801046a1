"""Options as text: the YAML that is read and written, and the published `train_opt.txt`."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cut.errors import UserError
from cut.options.catalogue import catalogue
from cut.options.options import Options
from cut.options.wording import did_you_mean


def config_folder() -> Path:
    """The folder of presets and experiments: inside the package when installed, else beside it in the clone."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def read_yaml(path: Path) -> dict[str, Any]:
    """The top-level names and values of a YAML file.

    Raises:
        UserError: when the file is missing, is no YAML, or holds something else than names with values.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        shipped = sorted(f"configs/{file.name}" for file in config_folder().glob("*.yaml"))
        raise UserError(f"There is no file {path}{did_you_mean(str(path), shipped)}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not valid YAML: {reason}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold lines of the form 'option: value'.")
    return {str(name): value for name, value in content.items()}


@functools.lru_cache
def read_preset(file: str) -> Mapping[str, Any]:
    """The values of a preset in `config_folder()`."""
    return read_yaml(config_folder() / file)


def as_yaml(options: Options) -> str:
    """All options of this phase as flat YAML with a comment above each group; `--config` reads it back."""
    lines, heading = [], None
    known = catalogue()
    for name, value in options.flat().items():
        if known[name].group != heading:
            heading = known[name].group
            lines.append(f"\n# {heading}\n" if lines else f"# {heading}\n")
        lines.append(yaml.safe_dump({name: value}, allow_unicode=True, width=10_000))
    return "".join(lines)


def as_train_opt(options: Options, defaults: Mapping[str, Any]) -> str:
    """The published form of `train_opt.txt`: sorted by name, with the default where the value is another."""
    lines = ["----------------- Options ---------------"]
    for name, value in sorted(options.flat().items()):
        comment = "" if value == defaults[name] else f"\t[default: {defaults[name]}]"
        lines.append(f"{name:>25}: {value!s:<30}{comment}")
    return "\n".join([*lines, "----------------- End -------------------", ""])
