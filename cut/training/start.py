"""How a run begins: from scratch, from another run's weights, or where it stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cut.data.formats.ranges import FILE_NAME, Scale, as_json
from cut.errors import UserError
from cut.models.method import Method
from cut.options import Options, as_saved_yaml, as_train_opt
from cut.processes.group import count, from_first, is_first
from cut.terminal import readable
from cut.training.atomic import write_atomically
from cut.training.checkpoints import RunFolder, TrainingState, detached_copies, load_pretrained, training_state


def starting_state(
    options: Options, model: Method, data_fingerprint: str, folder: RunFolder
) -> tuple[TrainingState, list[str]]:
    """Set a new model to the state in which its run begins, and save the options of the run.

    Of several processes that train together the first reads and writes files, and the others get their state from it.

    Args:
        options: of the run.
        model: the method, newly built.
        data_fingerprint: identifies the images of the data set and their order.
        folder: the run's folder, locked.

    Returns:
        The state to train from, and sentences that describe where it is from.

    Raises:
        UserError: when the folder already holds a run, or a run cannot be continued.
    """
    state, messages = _own_start(options, model, data_fingerprint, folder) if is_first() else (TrainingState(), [])
    return (_of_the_first(model, state) if count() > 1 else state), messages


def _own_start(
    options: Options, model: Method, data_fingerprint: str, folder: RunFolder
) -> tuple[TrainingState, list[str]]:
    if options.checkpoints.continue_train:
        state, messages = _continued(options, model, data_fingerprint, folder)
    elif folder.has_run:
        raise UserError(
            f"{folder.folder} already holds a run: --continue_train goes on with it, another --name starts a new one "
            "(or remove the folder)."
        )
    elif folder.has_weights:
        raise UserError(
            f"{folder.folder} holds weights that a new run would overwrite: choose another --name, with "
            f"--pretrained_name {options.run.name} to start from them."
        )
    else:
        state = TrainingState(epoch=options.training.epoch_count, data=data_fingerprint)
        messages = _pretrained(options, model)
    save_options(options, folder.folder)
    return state, messages


def _of_the_first(model: Method, state: TrainingState) -> TrainingState:
    """Set this process to what the first process of the run has read."""

    def everything() -> dict[str, Any]:
        networks = {"networks": model.networks.state_dict(), "averages": model.averages.state_dict()}
        return detached_copies(training_state(model, state) | networks)  # or all would unpickle on the first one's GPU

    first = from_first(everything)
    if is_first():
        return state
    model.networks.load_state_dict(first["networks"])
    model.averages.load_state_dict(first["averages"])
    for name, optimizer in model.optimizers.items():
        optimizer.load_state_dict(first["optimizers"][name])
    if first["extra"]:
        model.load_extra_state(first["extra"])
    return TrainingState.from_saved(first["state"])


def save_ranges(scales: Mapping[str, Scale], folder: Path) -> None:
    """Keep which values become −1 and 1 in a run's folder, for test.py; nothing for pictures of 8 bits."""
    if scales:
        write_atomically(folder / FILE_NAME, as_json(dict(scales)))
    else:
        (folder / FILE_NAME).unlink(missing_ok=True)


def save_options(options: Options, folder: Path) -> None:
    """Write the options of a run into its folder."""
    write_atomically(folder / "options.yaml", as_saved_yaml(options).encode())
    write_atomically(folder / "train_opt.txt", readable(as_train_opt(options)).encode())


def _continued(
    options: Options, model: Method, data_fingerprint: str, folder: RunFolder
) -> tuple[TrainingState, list[str]]:
    state = folder.load(model)
    if state.data != data_fingerprint:
        raise UserError(
            f"The training images are not those that {folder.folder} was trained with, so it cannot go on exactly: "
            "restore them, or start a new run from its weights with --pretrained_name."
        )
    last_epoch = options.training.n_epochs + options.training.n_epochs_decay
    if state.epoch > last_epoch:
        done = f"The run {options.run.name} is complete: {state.epoch - 1} of {last_epoch} epochs are done"
        return state, [f"{done}; a larger --n_epochs or --n_epochs_decay continues it.", *options.changes]
    where = f"epoch {state.epoch}, after {state.epoch_images} of its images (step {state.step})"
    return state, [f"Continuing {options.run.name} at {where}.", *options.changes]


def _pretrained(options: Options, model: Method) -> list[str]:
    name = options.checkpoints.pretrained_name
    if name is None:
        return []
    source = Path(options.run.checkpoints_dir) / name
    loaded = load_pretrained(source, options.run.epoch, model)
    return [f"Starting from the weights of {', '.join(loaded)} in {source} (epoch {options.run.epoch})."]
