"""What listeners are told of a run at its start."""

import sys
from collections.abc import Sequence

from cut.device import device_name
from cut.models.method import Method
from cut.training.evaluation import Evaluation
from cut.training.listener import Evaluator, RunFacts


def run_facts(model: Method, evaluator: Evaluator | None, evaluations: Sequence[Evaluation]) -> RunFacts:
    """
    Args:
        model: the method that is trained.
        evaluator: what measures it; None for nothing.
        evaluations: what was measured before a run that is continued.
    """
    return RunFacts(
        command=tuple(sys.argv),
        device=device_name(model.device),
        parameters=parameter_counts(model),
        evaluations=tuple(evaluations),
        best_metric=evaluator.best_metric if evaluator else None,
        extractor=evaluator.extractor if evaluator else "",
        total_loss=model.total_loss,
    )


def parameter_counts(model: Method) -> dict[str, int]:
    """How many numbers each network learns, by its name."""
    return {name: sum(weight.numel() for weight in network.parameters()) for name, network in model.networks.items()}
