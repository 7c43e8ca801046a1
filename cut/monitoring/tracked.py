"""What trackers (TensorBoard, Weights & Biases) get of a run, by the names that it has there."""

from cut.training.evaluation import Evaluation
from cut.training.listener import StepEvent


def step_values(event: StepEvent) -> dict[str, float]:
    """Losses, learning rate and speed after a step."""
    values = {f"losses/{name}": value for name, value in event.losses.items()}
    values["training/learning rate"] = event.learning_rate
    if event.seconds + event.data_seconds > 0:
        values["training/images per second"] = 1 / (event.seconds + event.data_seconds)
    return values


def evaluation_values(evaluation: Evaluation) -> dict[str, float]:
    """Every measure, and the standard deviation of those that have one."""
    values = {f"measures/{label}": value for label, value in evaluation.all_labelled().items()}
    spread = evaluation.labelled(evaluation.spread)
    return values | {f"measures/{label}: standard deviation": value for label, value in spread.items()}
