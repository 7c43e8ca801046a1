"""Curves, pictures and options of a run for TensorBoard, whose package is optional."""

import shlex

from cut.errors import UserError
from cut.monitoring.pictures import cell_size, first_of_batch, picture_row
from cut.monitoring.tracked import evaluation_values, step_values
from cut.options import Options, as_yaml
from cut.training.listener import EvaluationEvent, Listener, PreviewEvent, Progress, RunFacts, StepEvent

FOLDER = "tensorboard"


class TensorBoardLog(Listener):
    """Writes `tensorboard/` in the folder of a run; `tensorboard --logdir checkpoints` shows all runs side by side.

    Losses, learning rate and speed every `print_freq` images, pictures every `display_freq`, the translations of
    the held-out images, every evaluation, and the options once. The horizontal axis counts images seen.
    Steps that a continued run repeats replace the earlier ones.

    Raises:
        UserError: when the package is missing; from the methods, when the folder cannot be written.
    """

    def __init__(self) -> None:
        try:
            from cut.monitoring.event_file import EventFile
        except ImportError as error:
            raise UserError(
                f"--tensorboard needs the package tensorboard, which cannot be imported here ({error}): "
                "pip install tensorboard"
            ) from error
        self.new_file = EventFile

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.monitoring = options.monitoring
        self.folder = folder = options.run.folder / FOLDER
        if progress.images == 0:
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()  # of a start that never saved
        self.file = file = self.new_file(folder, first_step=progress.images + 1)
        command = shlex.join(["python", *facts.command])
        file.add_text("run", f"    {command}\n\nDevice: {facts.device}", progress.images)
        file.add_text("options", f"```yaml\n{as_yaml(options)}```", progress.images)

    def folder_made_again(self, progress: Progress) -> None:
        if self.file is not None:
            self.file.close()
            self.file = self.new_file(self.folder, first_step=progress.images + 1)

    def after_preview(self, event: PreviewEvent) -> None:
        row = picture_row(event.translations, cell_size(event.translations))
        self.file.add_picture("previews", row, event.progress.images)

    def after_step(self, event: StepEvent) -> None:
        images = event.progress.images
        if event.due(self.monitoring.print_freq):
            for name, value in step_values(event).items():
                self.file.add_scalar(name, value, images)
        if event.due(self.monitoring.display_freq):
            for label, picture in first_of_batch(event.images()).items():
                self.file.add_picture(f"images/{label}", picture, images)

    def after_evaluation(self, event: EvaluationEvent) -> None:
        for name, value in evaluation_values(event.evaluation).items():
            self.file.add_scalar(name, value, event.progress.images)

    def finish(self, progress: Progress) -> None:
        self.file.close()
