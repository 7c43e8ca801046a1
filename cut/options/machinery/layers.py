"""Merging option values from several sources, YAML files among them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cut.commands import program_of
from cut.errors import UserError
from cut.options.groups import RunOptions
from cut.options.machinery.catalogue import COMPONENTS, catalogue, everything, owners, under_own_names
from cut.options.machinery.declare import Declaration, declarations
from cut.options.machinery.words import did_you_mean, nearest_option
from cut.options.machinery.yaml_files import load_yaml
from cut.registry import MODELS

SUB_COMMANDS = {"train": "train", "test": "translate"}
"""What takes the options of a phase, by the names of `cut.commands`."""


@dataclass(frozen=True)
class Layer:
    """The values of one source, not yet checked.

    Attributes:
        values: raw values by name.
        file: the file that holds them; None for the command line.
    """

    values: Mapping[str, Any]
    file: str | None = None

    def where(self, name: str) -> str:
        """How a message names one of its options."""
        return f"--{name}" if self.file is None else f"{name} in {self.file}"


@dataclass
class Merged:
    """The outcome of merging layers.

    Attributes:
        values: checked values of every option that this phase and method take.
        problems: one sentence for each value that could not be taken.
        rejected: the names of those values.
    """

    values: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)


def merge(phase: str, layers: Sequence[Layer]) -> Merged:
    """Defaults < those of the method < of its chosen components < its preset < `layers`, the last one winning."""
    model = chosen_method(layers)
    offered = {name: item for name, item in catalogue(model).items() if item.offered(phase)}
    merged = Merged({name: item.default_in(phase) for name, item in offered.items()})
    strangers = []
    for layer in (*_layers_of_method(phase, model, layers), *layers):
        for name, raw in under_own_names(layer.values, model).items():
            try:
                if name in offered:
                    merged.values[name] = offered[name].read(raw)
                else:
                    strangers.append((name, layer))
            except ValueError as error:
                merged.problems.append(f"{layer.where(name)} {error}.")
                merged.rejected.add(name)
    if "model" not in merged.rejected:
        if model in MODELS and phase not in MODELS[model].phases:
            other = "train" if phase == "test" else "test"
            merged.problems.append(f"--model {model} is for {program_of(SUB_COMMANDS[other])} only.")
        merged.problems += [problem for name, layer in strangers if (problem := _why_not(name, layer, phase, model))]
    else:
        merged.problems += [problem for name, layer in strangers if (problem := _why_unknown(name, layer, phase))]
    return merged


def chosen_method(layers: Iterable[Layer]) -> str:
    """The method that the layers choose."""
    return chosen(next(item for item in declarations(RunOptions, "") if item.name == "model"), layers)


def chosen(declaration: Declaration, layers: Iterable[Layer]) -> Any:
    """The last valid value of one option in the layers, or its default."""
    value = declaration.default
    for layer in layers:
        try:
            value = declaration.read(layer.values[declaration.name])
        except (KeyError, ValueError):
            continue  # not given here, or reported by `merge`
    return value


def _layers_of_method(phase: str, model: str, layers: Sequence[Layer]) -> list[Layer]:
    """The defaults of a method, of the components that the layers choose, and of the preset that they choose."""
    if model not in MODELS:
        return []
    entry, known = MODELS[model], catalogue(model)
    found = [Layer(entry.defaults.get(phase, {}), file=f"the defaults of --model {model}")]
    sources = [*found, *layers]
    for registry in COMPONENTS:
        component = registry.get(chosen(known[registry.option], sources)) if registry.option in known else None
        if component is not None:
            source = f"the defaults of --{registry.option} {component.name}"
            found.append(Layer(component.defaults.get(phase, {}), source))
            found.append(Layer(entry.with_components.get(component.name, {}), f"{source} with --model {model}"))
    preset = chosen(known[entry.preset_option], layers) if entry.preset_option in known else None
    if shipped := entry.presets.get(str(preset)):
        file = config_folder() / shipped
        found.append(Layer(read_yaml(file), str(file)))
    return found


def _why_not(name: str, layer: Layer, phase: str, model: str) -> str | None:
    """Why an option is not taken; None where a file may hold it because it serves both scripts."""
    known = catalogue(model)
    if name not in known:
        takers = owners(name)
        if not takers:
            return _why_unknown(name, layer, phase)
        near = did_you_mean(name, [other for other, item in known.items() if item.offered(phase)], 0.75)
        return f"{layer.where(name)} belongs to --model {' or '.join(takers)}, but the model is {model}{near}."
    if layer.file is None:
        other = program_of(SUB_COMMANDS["test" if phase == "train" else "train"])
        return f"{layer.where(name)} belongs to {other}; {program_of(SUB_COMMANDS[phase])} does not take it."
    return None


def _why_unknown(name: str, layer: Layer, phase: str) -> str | None:
    known = everything()
    near = nearest_option(name, [other for other, item in known.items() if item.offered(phase)])
    return None if name in known else f"There is no option {layer.where(name)}{near}."


def config_folder() -> Path:
    """The folder of presets and experiments: inside the package when installed, else beside it in the clone."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def read_yaml(path: Path) -> dict[str, Any]:
    """The top-level names and values of a YAML file. What this program ships as configs/NAME.yaml is found from any
    folder, under that name or as NAME alone.

    Raises:
        UserError: when the file is missing, is not YAML, or holds anything but names with values.
    """
    if not path.exists():
        path = _shipped(path) or path
    try:
        return load_yaml(path)
    except FileNotFoundError:
        names = sorted(file.stem for file in config_folder().glob("*.yaml"))
        near = did_you_mean(path.stem, names).replace("mean ", "mean configs/").replace("?", ".yaml?")
        raise UserError(f"There is no file {path}{near}.") from None


def _shipped(path: Path) -> Path | None:
    """The configuration of this program that NAME or configs/NAME.yaml means; None where there is none."""
    alone = len(path.parts) == 1 and not path.suffix
    if not alone and path.parts[:1] != ("configs",):
        return None
    file = config_folder() / (path.with_suffix(".yaml") if alone else path.relative_to("configs"))
    return file if file.is_file() else None
