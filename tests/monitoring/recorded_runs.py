"""Folders of runs that never ran: options and log as training would have written them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cut.monitoring.log_files import MetricsLog
from cut.options import as_saved_yaml, train_options
from cut.training.evaluation import Evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, Progress, RunFacts, StepEvent

STEPS = 8  # in an epoch
DETAILS = {"split": "val", "real_count": 60, "fake_count": 50, "extractor": "Inception", "real_sizes": "256×256",
           "fake_sizes": "256×256"}  # fmt: skip


def at(epoch: int, epoch_steps: int = STEPS) -> Progress:
    steps = (epoch - 1) * STEPS + epoch_steps
    return Progress(epoch, epoch_steps, steps, steps, 4, STEPS)


def start(folder: Path, *arguments: str, progress: Progress | None = None, device: str = "CPU") -> MetricsLog:
    """Begin or continue the run in a folder; its plan is four epochs."""
    words = ["--dataroot", "x", "--name", folder.name, "--checkpoints_dir", str(folder.parent)]
    options = train_options([*words, "--n_epochs", "3", "--n_epochs_decay", "1", *arguments])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.yaml").write_text(as_saved_yaml(options), encoding="utf-8")
    facts = RunFacts(("train.py",), device, {"G": 11_378_179, "D": 2_764_737, "F": 560_384})
    log = MetricsLog()
    log.start(options, progress or Progress(1, 0, 0, 0, 4, STEPS), facts)
    return log


def record(
    folder: Path,
    *arguments: str,
    measures: Mapping[int, Mapping[str, float]] = {},
    best: Sequence[int] = (),
    seconds: Sequence[float] = (8.0, 8.0, 8.0, 8.0),
    memory: int | None = 2**31,
    details: Mapping = DETAILS,
    unaveraged: Mapping[int, Mapping[str, float]] = {},
    losses: Sequence[Mapping[str, float]] = (),
    **started,
) -> Path:
    """A run of `len(seconds)` epochs.

    Args:
        measures: by name, by epoch.
        unaveraged: the same of the generator as trained, where the run keeps a moving average.
        best: the epochs that were the best when they were measured.
        losses: of the first epochs, logged in the middle of each.
    """
    log = start(folder, *arguments, **started)
    for epoch, duration in enumerate(seconds, start=1):
        if epoch <= len(losses):
            log.after_step(StepEvent(at(epoch, STEPS // 2), STEPS, losses[epoch - 1], dict, 1.0, 0.0, 2e-4))
        log.after_epoch(EpochEvent(at(epoch), duration, 2e-4, memory))
        if epoch in measures:
            evaluation = Evaluation(
                epoch, epoch * STEPS, epoch * STEPS, measures[epoch], {}, details, 1.0, unaveraged.get(epoch, {})
            )
            log.after_evaluation(
                EvaluationEvent(at(epoch), evaluation, evaluation if epoch in best else None, "frechet")
            )
    log.finish(at(len(seconds)))
    return folder
