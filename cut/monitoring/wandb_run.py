"""A run on Weights & Biases, whose package is optional."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cut.commands import install
from cut.errors import UserError
from cut.monitoring.lines import method_label, run_title
from cut.monitoring.pictures import cell_size, first_of_batch, picture_row
from cut.monitoring.tracked import evaluation_values, step_values
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.listener import EvaluationEvent, Listener, PreviewEvent, Progress, RunFacts, StepEvent

PROJECT = "cut"  # unless WANDB_PROJECT names another
ID_FILE = "id.txt"  # in wandb/ of the run's folder
SECONDS = 30  # to begin: without a network the run goes on alone after that


class WandbRun(Listener):
    """Sends losses, rates, pictures and measures of a run to Weights & Biases, or keeps them in `wandb/` of its folder.

    What is sent and when is as for TensorBoard; a step of W&B is an image seen. A continued run continues the same run
    of W&B, whose id is in the folder. W&B's environment variables act: WANDB_MODE=offline, WANDB_PROJECT, WANDB_ENTITY
    and others.

    Args:
        say: takes the sentence about where the run is to be seen.

    Raises:
        UserError: when the package is missing or no account is known; from `start`, when W&B cannot be reached.
    """

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self.say = say
        try:
            import wandb
        except ImportError as error:
            raise UserError(
                f"--wandb needs the package wandb, which cannot be imported here ({error}): {install('wandb')}"
            ) from error
        self.wandb: Any = wandb
        try:
            if wandb.setup().settings.mode == "online":
                wandb.login()
        except wandb.Error as error:
            raise UserError(f"--wandb: {_sentence(error)} WANDB_MODE=offline records without an account.") from error
        except ValueError as error:  # a variable with a wrong value
            raise UserError(f"--wandb: a variable WANDB_… is wrong: {' '.join(str(error).split())}") from error

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.monitoring = options.monitoring
        self.folder = options.run.folder / "wandb"
        self.id = self._known_id() if progress.images > 0 else ""
        self.id = self.id or secrets.token_hex(4)
        self._write_id()
        values = options.flat()
        more = {"method": method_label(values), "device": facts.device, "parameters": dict(facts.parameters)}
        try:
            self.run = self.wandb.init(
                project=os.environ.get("WANDB_PROJECT") or PROJECT, name=run_title(options), id=self.id, resume="allow",
                dir=str(self.folder.parent), config=values | more, allow_val_change=True,
                settings=self.wandb.Settings(console="off", silent=True, init_timeout=SECONDS),
            )  # fmt: skip
        except self.wandb.Error as error:
            raise UserError(
                f"W&B did not begin: {_sentence(error)} WANDB_MODE=offline records without a network."
            ) from error
        if self.run.offline:
            self.say(f"W&B records without a network; wandb sync {Path(self.run.dir).parent} sends it.")
        else:
            self.say(f"W&B: {self.run.url}")

    def _known_id(self) -> str:
        try:
            return (self.folder / ID_FILE).read_text(encoding="utf-8").strip()
        except OSError:  # the run had no W&B before
            return ""

    def _write_id(self) -> None:
        write_atomically(self.folder / ID_FILE, f"{self.id}\n".encode())

    def folder_made_again(self, progress: Progress) -> None:
        self._write_id()

    def after_preview(self, event: PreviewEvent) -> None:
        row = picture_row(event.translations, cell_size(event.translations))
        self._log({"previews": self.wandb.Image(row)}, event.progress)

    def after_step(self, event: StepEvent) -> None:
        values: dict[str, Any] = {}
        if event.due(self.monitoring.print_freq):
            values |= step_values(event)
        if event.due(self.monitoring.display_freq):
            pictures = first_of_batch(event.images())
            values |= {f"images/{label}": self.wandb.Image(picture) for label, picture in pictures.items()}
        if values:
            self._log(values, event.progress)

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self._log(evaluation_values(event.evaluation) | {"epoch": event.evaluation.epoch}, event.progress)

    def finish(self, progress: Progress) -> None:
        self.run.finish()

    def _log(self, values: dict[str, Any], progress: Progress) -> None:
        self.run.log(values, step=progress.images)  # rows of the same step are one row


def _sentence(error: Exception) -> str:
    """The first line of an error of W&B, ending in a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".") + "."
