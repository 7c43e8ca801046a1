"""What a run saved about itself, read back to continue it or to translate with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cut.errors import UserError
from cut.options.machinery.catalogue import catalogue
from cut.options.machinery.layers import Layer, Merged, chosen_method, read_yaml
from cut.options.machinery.words import did_you_mean, shown

FILE_NAME = "options.yaml"

NOT_OF_THE_RUN = ("name", "suffix", "checkpoints_dir", "continue_train", "epoch")
"""Where a run is, and options of a single start: never taken from the saved options."""

NOT_OF_THE_GENERATOR = {"model", "dataroot", "dataset_mode", "direction"}
"""What is read back to translate as the run was trained, and is not a property of its generator."""


def layer_to_continue(folder: Path) -> Layer:
    """All options of the run that trained in this folder.

    Raises:
        UserError: when there is none.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        raise UserError(_nothing_to_continue(folder))
    values = {name: value for name, value in read_yaml(file).items() if name not in NOT_OF_THE_RUN}
    return Layer(values, str(file))


def layer_to_translate(folder: Path, model: str | None = None) -> Layer:
    """The options of the trained generator and its data and sizes, or none when the folder has no saved options.

    Args:
        folder: of the run.
        model: the method that is to translate, where one was asked for. Of a run of another method it takes the
            generator's options alone.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return Layer({})
    saved = read_yaml(file)
    known = catalogue(chosen_method([Layer(saved)]))
    values = {name: value for name, value in saved.items() if name in known and known[name].from_training}
    if model not in (None, values.get("model")):
        wanted = catalogue(str(model)).keys() - NOT_OF_THE_GENERATOR
        values = {name: value for name, value in values.items() if name in wanted}
    return Layer(values | _sizes(saved), str(file))


def _sizes(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The run's crop size as both sizes, as in its measures: whole images, at the scale at which training ended."""
    try:
        side = min(saved["load_size"], saved["crop_size"])
    except (KeyError, TypeError):
        return {}
    return {"load_size": side, "crop_size": side}


def compare(before: Merged, after: Merged) -> tuple[list[str], list[str]]:
    """What the command line and --config change in a saved run.

    Returns:
        (changes, refusals): a sentence for each change that is taken, and for each that would make no sense.
    """
    known = catalogue(after.values["model"])
    changes: list[str] = []
    refusals: list[str] = []
    if after.values["epoch"] != "latest":
        refusals.append(
            f"--epoch {after.values['epoch']} cannot go with --continue_train, which continues from the latest save; "
            "to start a new run from the weights of an epoch, give --pretrained_name with --epoch."
        )
    for name, value in after.values.items():
        old = before.values.get(name, value)
        if value == old or name in NOT_OF_THE_RUN or name in after.rejected:
            continue
        if name == "epoch_count":
            refusals.append("--epoch_count must be left out: --continue_train goes on after the last saved step.")
        elif known[name].fixed:
            refusals.append(
                f"--{name} is {shown(value)}, but the run was trained with {shown(old)}: keep it, or start a new run."
            )
        else:
            changes.append(f"{name} is now {shown(value)} (it was {shown(old)}).")
    return changes, refusals


def _nothing_to_continue(folder: Path) -> str:
    if folder.is_dir() and any(folder.glob("*_net_*.pth")):
        return (
            f"{folder} has weights but no {FILE_NAME}, so it cannot be continued; "
            f"a new run starts from its weights with --pretrained_name {folder.name}."
        )
    runs = [file.parent.name for file in folder.parent.glob(f"*/{FILE_NAME}")]
    near = did_you_mean(folder.name, runs)
    return (
        f"There is no run {folder.name} in {folder.parent} to continue{near}; leave out --continue_train to start it."
    )
