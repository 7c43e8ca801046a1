"""When a run that is measured has stopped getting better."""

from cut.options.outputs import EvaluationOptions
from cut.training.evaluation import Evaluation, best_evaluation, same_conditions
from cut.training.evaluation_table import measure_text
from cut.training.saved_state import TrainingState


def early_stop(options: EvaluationOptions, state: TrainingState) -> str | None:
    """Why a run ends before its last epoch, at the end of an epoch; None when it goes on.

    It follows from what the training state holds, which all processes of a run share and a continued run has too.

    Args:
        options: `early_stopping`, the epochs that may pass without a better measure, and `best_metric` are read.
    """
    epochs, best_metric = options.early_stopping, options.best_metric
    measured = [Evaluation.from_json(row) for row in state.evaluations] if epochs and not state.epoch_steps else []
    if not measured:
        return None
    last = measured[-1]
    rivals = [one for one in measured if same_conditions(one, last)]
    best = best_evaluation(rivals, best_metric)
    waited = last.epoch - (best or rivals[0]).epoch
    if waited < epochs:
        return None
    label = last.label(best_metric)
    than = f"better {label} than {measure_text(best, best_metric)} of epoch {best.epoch}" if best else f"finite {label}"
    done = state.epoch - 1
    return f"Training ends early, after epoch {done}: {waited} epochs brought no {than} (--early_stopping {epochs})."
