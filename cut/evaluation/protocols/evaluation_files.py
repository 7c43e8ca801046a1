"""What was measured afterwards, on disk: a JSON file, and a curve over the epochs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cut import strict_json
from cut.evaluation.protocols.result_files import make_folder
from cut.measures import MEASURES
from cut.training.atomic import write_atomically
from cut.training.evaluation import Column, Evaluation, best_evaluation, measure_columns

JSON_FILE = "evaluation.json"
CURVE_FILE = "evaluation.png"
COLUMNS = 2  # of panels in a picture of curves

Row = tuple[str, Evaluation]


def write_json(folder: Path, rows: Sequence[Row], **about: Any) -> Path:
    """Write `evaluation.json`: what it is `about`, and for each row its name, epoch (null where there is none) and the
    fields of `Evaluation`. What is not finite is null.

    Raises:
        UserError: when the folder or the file cannot be written.
    """
    content = {**about, "rows": [_as_json(name, evaluation) for name, evaluation in rows]}
    text = strict_json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    return _write(folder, JSON_FILE, lambda stream: stream.write(text.encode()))


def write_curve(
    folder: Path, title: str, rows: Sequence[Row], best_metric: str, levels: Sequence[Row] = ()
) -> Path | None:
    """Draw `evaluation.png`: a panel for each measure, over the epochs, with its spread and the best epoch marked.

    Args:
        folder: where to.
        title: above the panels.
        rows: what was measured; those without an epoch are left out.
        best_metric: name of the measure that decides which epoch is best.
        levels: what is drawn as horizontal lines, for comparison.

    Returns:
        The file; None, and nothing is drawn, where no row has an epoch.

    Raises:
        UserError: when the folder or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
    from matplotlib.figure import Figure

    curve = sorted({evaluation.epoch: evaluation for _, evaluation in rows if evaluation.epoch}.items())
    evaluations = [evaluation for _, evaluation in curve]
    if not evaluations:
        return None
    best = best_evaluation(evaluations, best_metric)
    measures = measure_columns(evaluations)
    columns = min(COLUMNS, len(measures))
    height = math.ceil(len(measures) / columns)
    figure = Figure(figsize=(5.5 * columns, 3.2 * height + 0.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for panel, measure in zip(figure.subplots(height, columns, squeeze=False).flat, measures, strict=False):
        _draw(panel, measure, [one for one in evaluations if measure.is_in(one)], best, levels)
    for panel in figure.axes[len(measures) :]:
        panel.remove()
    return _write(folder, CURVE_FILE, lambda stream: figure.savefig(stream, format="png"))


def _draw(
    panel, measure: Column, evaluations: Sequence[Evaluation], best: Evaluation | None, levels: Sequence[Row]
) -> None:
    epochs = [one.epoch for one in evaluations]
    values = [measure.value(one) for one in evaluations]
    spread = [one.spread.get(measure.name, 0.0) for one in evaluations]
    panel.errorbar(epochs, values, yerr=spread if any(spread) else None, marker="o", markersize=4, capsize=2, zorder=2)
    if best is not None and measure.is_in(best):
        panel.plot(
            best.epoch, measure.value(best), "*", markersize=15, color="tab:orange", zorder=3,
            label=f"best, epoch {best.epoch}",
        )  # fmt: skip
    for number, (name, evaluation) in enumerate(levels):
        if measure.is_in(evaluation):
            style = ("--", ":")[number % 2]
            panel.axhline(measure.value(evaluation), linestyle=style, color="gray", zorder=1, label=name)
    better = "more" if MEASURES[measure.name].higher_is_better else "less"
    panel.set(xlabel="epoch", ylabel=f"{measure.label} ({better} is better)")
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.grid(alpha=0.3)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(fontsize="small")


def _as_json(name: str, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "name": name,
        "epoch": evaluation.epoch or None,
        "measures": dict(evaluation.measures),
        "spread": dict(evaluation.spread),
        "details": dict(evaluation.details),
        "seconds": evaluation.seconds,
    }


def _write(folder: Path, name: str, write) -> Path:
    make_folder(folder)
    write_atomically(folder / name, write)
    return folder / name
