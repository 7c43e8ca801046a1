"""Values from several places, one laid over the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cut.options.catalogue import catalogue
from cut.options.field import Declaration
from cut.options.files import config_folder, read_yaml
from cut.options.wording import did_you_mean
from cut.registry import MODELS

SCRIPTS = {"train": "train.py", "test": "test.py"}


@dataclass(frozen=True)
class Layer:
    """The values of one place, not yet checked.

    Attributes:
        values: raw values by name.
        file: the file they stand in; None for the command line.
    """

    values: Mapping[str, Any]
    file: str | None = None

    def where(self, name: str) -> str:
        """How a message names one of its options."""
        return f"--{name}" if self.file is None else f"{name} in {self.file}"


@dataclass
class Merged:
    """The outcome of laying layers over each other.

    Attributes:
        values: checked values of every option that this phase and model take.
        problems: one sentence for each value that could not be taken.
        rejected: the names of those values.
    """

    values: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)


def merge(phase: str, layers: Sequence[Layer]) -> Merged:
    """Defaults < the model's defaults < its preset < `layers`, the last one winning."""
    known = catalogue()
    model = chosen(known["model"], layers)
    preset = chosen(known["CUT_mode"], layers)
    offered = {name: item for name, item in known.items() if item.offered(phase, model)}
    merged = Merged({name: item.default_in(phase) for name, item in offered.items()})
    model_layers = _layers_of_model(phase, model)
    if preset != "CUT":
        model_layers.append(_preset_layer(model, preset, merged.problems))
    strangers = []
    for layer in (*model_layers, *layers):
        for name, raw in layer.values.items():
            try:
                if name in offered:
                    merged.values[name] = offered[name].read(raw)
                else:
                    strangers.append((name, layer))
            except ValueError as error:
                merged.problems.append(f"{layer.where(name)} {error}.")
                merged.rejected.add(name)
    for name, layer in strangers:
        if problem := _why_not(name, layer, phase, None if "model" in merged.rejected else model):
            merged.problems.append(problem)
    return merged


def chosen(declaration: Declaration, layers: Iterable[Layer]) -> Any:
    """The last valid value of one option in the layers, or its default."""
    value = declaration.default
    for layer in layers:
        try:
            value = declaration.read(layer.values[declaration.name])
        except (KeyError, ValueError):
            continue  # not given here, or reported by `merge`
    return value


def _layers_of_model(phase: str, model: str) -> list[Layer]:
    if model not in MODELS:
        return []
    return [Layer(MODELS[model].defaults.get(phase, {}), file=f"the defaults of --model {model}")]


def _preset_layer(model: str, preset: str, problems: list[str]) -> Layer:
    presets = MODELS[model].presets if model in MODELS else {}
    if preset not in presets:
        names = ", ".join(["CUT", *presets])
        problems.append(f"--CUT_mode {preset} is no preset of --model {model}, which has {names}.")
        return Layer({})
    file = config_folder() / presets[preset]
    return Layer(read_yaml(file), str(file))


def _why_not(name: str, layer: Layer, phase: str, model: str | None) -> str | None:
    """Why an option is not taken; None where a file may hold it because it serves both scripts."""
    known = catalogue()
    if name not in known:
        return f"There is no option {layer.where(name)}{did_you_mean(name, known)}."
    models = known[name].models
    if models and model not in models:
        owners = " or ".join(models)
        return f"{layer.where(name)} belongs to --model {owners}, but the model is {model}." if model else None
    if layer.file is None:
        other = SCRIPTS["test" if phase == "train" else "train"]
        return f"{layer.where(name)} belongs to {other}; {SCRIPTS[phase]} does not take it."
    return None
