"""YAML files of options: where the shipped ones are, and how one is read."""

from pathlib import Path
from typing import Any

import yaml

from cut.errors import UserError
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
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueNames)
    except FileNotFoundError:
        shipped = sorted(f"configs/{file.name}" for file in config_folder().glob("*.yaml"))
        raise UserError(f"There is no file {path}{did_you_mean(str(path), shipped)}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"{path} is not valid YAML: {error.problem} in line {line}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold lines of the form 'option: value'.")
    return {str(name): value for name, value in content.items()}


class _UniqueNames(yaml.SafeLoader):
    """Plain YAML, in which a name that stands twice is an error; PyYAML would silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if names[index] in names[:index]:
                problem = f"{names[index]} is given twice"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)
