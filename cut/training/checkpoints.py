"""The folder of a run: weights under their published names, and beside them everything that has state.

latest_net_{NETWORK}.pth      weights, plain state dicts, under the names that the method gives its networks
best_net_{NETWORK}.pth        weights of the epoch that was measured best, and best.json: what was measured
latest_training_state.pth     optimizers, progress and what else the method keeps; `--continue_train` reads it
{epoch}_net_{NETWORK}.pth     weights kept permanently
{epoch}_ema_net_{NETWORK}.pth with --ema_decay, beside each of these the moving average of a network that translates
options.yaml, train_opt.txt   what the run is
failure.txt                   the traceback of an unexpected error
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import torch
from torch import nn

from cut import strict_json
from cut.errors import UserError, is_out_of_memory
from cut.models.method import Method, all_names
from cut.networks.torch_files import NotReadable, read_torch_file
from cut.networks.weights import export_weights, load_weights, read_weights
from cut.reading import read_json, refuse_other_kinds
from cut.registry import MODELS
from cut.training.atomic import committed, read_committed, roll_forward, write_set
from cut.training.evaluation import Evaluation
from cut.training.locks import try_lock
from cut.training.saved_state import TrainingState, as_mapping, check_moments

__all__ = ["RunFolder", "TrainingState", "best_row", "fill", "load_pretrained", "network_file", "saved_epochs"]

STATE_FILE = "latest_training_state.pth"
BEST_FILE = "best.json"
AVERAGE = "_ema"  # follows the epoch in the names of the moving averages' files: latest_ema_net_G.pth
_WEIGHTS = re.compile(r"(?P<label>.+)_net_(?P<network>\w+)\.pth")


class RunFolder:
    """Reads and writes the checkpoints of one run.

    Args:
        folder: `checkpoints_dir/name`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: TextIO | None = None
        self.is_guarded = True

    @property
    def has_run(self) -> bool:
        """Whether a run has been saved here."""
        return os.path.lexists(committed(self.folder / STATE_FILE))

    @property
    def has_weights(self) -> bool:
        """Whether there are weights here, of a run or put there by hand."""
        return any(self.folder.glob("*_net_*.pth"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep every other run out of it; after an error, an empty new one is removed.

        Raises:
            UserError: when another run is using it, or it cannot be written.
        """
        made = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        self._take_lock()
        try:
            roll_forward(self.folder)
            yield
        except BaseException:
            if made and [file.name for file in self.folder.glob("*")] == [".lock"]:
                if sys.platform == "win32":
                    self._drop_lock()  # there, an open file cannot be removed
                (self.folder / ".lock").unlink()
                for folder in made:
                    with suppress(OSError):  # another run may be in it by now
                        folder.rmdir()
            raise
        finally:
            self._drop_lock()  # the system drops it with the process, also after a kill

    def notes(self) -> list[str]:
        """What is worth knowing about the folder before a run, a sentence each."""
        if self.is_guarded:
            return []
        return [f"The file system of {self.folder} has no locks: see to it that no other run uses this folder."]

    @property
    def is_gone(self) -> bool:
        """Whether the folder was removed since it was locked, and perhaps another one put in its place."""
        if self._lock is None:
            return not self.folder.exists()
        try:
            return not os.path.samestat(os.fstat(self._lock.fileno()), os.stat(self.folder / ".lock"))
        except OSError:
            return True

    def make_again(self) -> None:
        """Make a folder that was removed, and lock it.

        Raises:
            UserError: as from `locked`.
        """
        self._drop_lock()
        self._take_lock()

    def _take_lock(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            refuse_other_kinds(self.folder / ".lock")
            stream = open(self.folder / ".lock", "w")  # noqa: SIM115 the lock lives as long as the stream
        except OSError as error:
            sentence = f"{self.folder} cannot be written ({error.strerror}): choose another --checkpoints_dir."
            raise UserError(sentence) from None
        taken = try_lock(stream)
        if taken is False:
            stream.close()
            raise UserError(f"Another run is using {self.folder}: wait for it or choose another --name.")
        if sys.platform != "win32":
            # Forked data workers outlive a kill by seconds and must not keep the lock for them.
            os.register_at_fork(after_in_child=stream.close)
        self._lock, self.is_guarded = stream, taken is True

    def _drop_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def save(
        self,
        labels: list[str],
        method: Method,
        state: TrainingState,
        best: Mapping[str, Any] | None = None,
    ) -> None:
        """Save the weights under each label and the training state, all switched at once.

        Args:
            best: what was measured of these weights, when one of the labels is "best".

        Raises:
            UserError: when the disk is full or the folder cannot be written; the earlier checkpoint is untouched.
        """
        content = training_state(method, state)
        files: dict[str, Callable[[BinaryIO], object]] = {STATE_FILE: partial(torch.save, content)}
        if best is not None:
            text = strict_json.dumps(best, indent=1)
            files[BEST_FILE] = lambda stream: stream.write(text.encode())
        for networks, suffix in ((method.networks, ""), (method.averages, AVERAGE)):
            for name, network in networks.items():
                weights = export_weights(network)
                for label in labels:
                    files[f"{label}{suffix}_net_{name}.pth"] = partial(torch.save, weights)
        write_set(self.folder, files)

    def load(self, method: Method) -> TrainingState:
        """Restore a method to the last save.

        Raises:
            UserError: when there is nothing to continue from, or it is of another architecture.
        """
        if not self.has_run:
            advice = "it stopped before its first save, so start it again without --continue_train."
            if self.has_weights:
                advice = f"--pretrained_name {self.folder.name} with another --name starts a new run from its weights."
            raise UserError(f"{self.folder} holds no training state to continue from (no {STATE_FILE}): {advice}")
        with self._sound():
            state, content = self._read()
            moments = {name: as_mapping(content["optimizers"], "optimizers")[name] for name in method.optimizers}
            extra = as_mapping(content.get("extra", {}), "extra")
        for networks, label in ((method.networks, "latest"), (method.averages, f"latest{AVERAGE}")):
            for name, network in networks.items():
                fill(network, self.folder, label, name)
        for name, optimizer in method.optimizers.items():
            with self._sound(f" of the optimizer {name}"):
                check_moments(optimizer, moments[name])
                optimizer.load_state_dict(moments[name])
        if extra:
            with self._sound():
                method.load_extra_state(extra)
        return state

    def saved_state(self) -> TrainingState:
        """The progress of the last save, without reading its weights or moments.

        Raises:
            UserError: when it cannot be read.
        """
        with self._sound():
            return self._read(mmap=True)[0]

    def _read(self, mmap: bool = False) -> tuple[TrainingState, dict[str, Any]]:
        """Progress, and all that was saved."""
        read = partial(read_torch_file, mmap=mmap)
        content = as_mapping(read_committed(self.folder / STATE_FILE, read), "it")
        return TrainingState.from_saved(content["state"]), content

    @contextmanager
    def _sound(self, part: str = "") -> Iterator[None]:
        """Inside, whatever a damaged or foreign training state leads to becomes a sentence."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise  # the file may be sound
            reason = error.reason if isinstance(error, NotReadable) else _in_words(error)
            raise UserError(
                f"{self.folder / STATE_FILE} is not a training state that can be read{part} ({reason}): restore a "
                "copy, or start a new run from the weights with --pretrained_name."
            ) from None


def training_state(method: Method, state: TrainingState) -> dict[str, Any]:
    """Progress, moments and extra state, on the CPU where it is small; with the weights, all of a run."""
    return {
        "state": asdict(state),
        "optimizers": {name: optimizer.state_dict() for name, optimizer in method.optimizers.items()},
        "extra": detached_copies(method.extra_state()),
    }


def load_pretrained(folder: Path, epoch: str, method: Method) -> list[str]:
    """Fill networks from another run's weights. Those that translate must be there; others are taken where they are.

    Returns:
        The names of the networks that had weights there.
    """
    loaded = []
    for name, network in method.networks.items():
        if name not in all_names(method.translators) and not committed(folder / f"{epoch}_net_{name}.pth").exists():
            continue
        fill(network, folder, epoch, name)
        if name in method.averages:
            fill(method.averages[name], folder, epoch, name)
        loaded.append(name)
    return loaded


def fill(network: nn.Module, folder: Path, epoch: str, name: str) -> None:
    """Copy a network's saved weights of an epoch into it.

    Raises:
        UserError: when they were not saved, cannot be read, or are of another architecture.
    """
    network_file(folder, epoch, name)  # says which epochs there are
    path = folder / f"{epoch}_net_{name}.pth"
    read = partial(read_weights, named=path, explain_missing=False, part=name)
    load_weights(network, read_committed(path, read), str(path))


def best_row(folder: Path) -> Evaluation | None:
    """What was measured of the weights that a run keeps as best; None when that is not written in its folder.

    Raises:
        UserError: when it is written there, but cannot be read.
    """
    path = folder / BEST_FILE
    try:
        return Evaluation.from_json(read_committed(path, read_json))
    except (FileNotFoundError, NotADirectoryError):
        return None  # weights that were named best by hand
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{path} does not say what was measured of the best weights ({_in_words(error)}): restore a copy, or "
            "remove it and the weights named best, to search for the best again."
        ) from None


def network_file(folder: Path, epoch: str, network: str) -> Path:
    """The file with a network's weights at an epoch, where it lies now (see `committed`).

    Raises:
        UserError: when that epoch was not saved, with the list of those that were.
    """
    path = committed(folder / f"{epoch}_net_{network}.pth")
    if os.path.lexists(path):
        return path
    saved = saved_epochs(folder, network)
    if epoch.endswith(AVERAGE) and epoch.removesuffix(AVERAGE) in saved:
        plain = epoch.removesuffix(AVERAGE)
        raise UserError(
            f"{folder} holds no moving average of {network}, which --epoch {epoch} asks for: use --epoch {plain}, "
            "or train with --ema_decay 0.999."
        )
    if saved:
        raise UserError(f"--epoch {epoch} was not saved in {folder}: there are {', '.join(saved)}.")
    others = sorted({match["network"] for match in map(_WEIGHTS.fullmatch, _weight_names(folder)) if match})
    there = f" (it has those of {', '.join(others)})" if others else ""
    raise UserError(
        f"{folder} holds no weights of {network}{there}: {_method_with(others)}check --name, --checkpoints_dir and "
        "--model."
    )


def _method_with(networks: Sequence[str]) -> str:
    """Which --model has translators of these names, as a phrase; "" where none has."""
    methods = [
        entry.name
        for entry in MODELS.entries()
        if (translators := set(all_names(getattr(entry.factory, "translators", {"": "G"})))) <= set(networks)
        and not translators <= {"G"}  # of most methods
    ]
    return f"those are of --model {' or '.join(methods)}, so " if methods else ""


def _in_words(error: Exception) -> str:
    """What is wrong with content that was read, as a phrase."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return " ".join(str(error).split())[:200] or type(error).__name__


def saved_epochs(folder: Path, network: str | None = None) -> list[str]:
    """What `--epoch` can be for a run, numbers first in order; those of any network where none is named."""
    matches = map(_WEIGHTS.fullmatch, _weight_names(folder))
    labels = {match["label"] for match in matches if match and network in (None, match["network"])}
    return sorted(labels, key=lambda label: (not label.isdigit(), int(label) if label.isdigit() else 0, label))


def detached_copies(value: Any) -> Any:
    """Copies on the CPU of all tensors in nested lists and dictionaries: saving a view would save the whole batch."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: detached_copies(part) for key, part in value.items()}
    return [detached_copies(part) for part in value] if isinstance(value, (list, tuple)) else value


def _weight_names(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*_net_*.pth")]
