"""Measurements made after training, on disk: a JSON file, and a curve over the epochs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cut import strict_json
from cut.evaluation.protocols.result_files import make_folder
from cut.plots import Curve, Panel, draw_panels
from cut.terminal import readable
from cut.training.atomic import write_atomically
from cut.training.evaluation import Evaluation, best_evaluation
from cut.training.evaluation_table import Column, measure_columns

STEM = "evaluation"  # of both files

Row = tuple[str, Evaluation]


def write_json(folder: Path, rows: Sequence[Row], stem: str = STEM, **about: Any) -> Path:
    """Write `{stem}.json`: what it is `about`, and for each row its name, epoch (null where there is none) and the
    fields of `Evaluation`. What is not finite is null.

    Raises:
        UserError: when the folder or the file cannot be written.
    """
    content = {**about, "rows": [_as_json(name, evaluation) for name, evaluation in rows]}
    text = strict_json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    return _write(folder / f"{stem}.json", readable(text).encode())


def write_curve(
    folder: Path, title: str, rows: Sequence[Row], best_metric: str, levels: Sequence[Row] = (), stem: str = STEM
) -> Path | None:
    """Draw `{stem}.png`: a panel for each measure, over the epochs, with its spread and the best epoch marked.

    Args:
        rows: what was measured; those without an epoch are left out.
        best_metric: name of the measure that decides which epoch is best.
        levels: what is drawn as horizontal lines, for comparison.

    Returns:
        The file; None, and nothing is drawn, where no row has an epoch.

    Raises:
        UserError: when the folder or the file cannot be written.
    """
    curve = sorted({evaluation.epoch: evaluation for _, evaluation in rows if evaluation.epoch}.items())
    evaluations = [evaluation for _, evaluation in curve]
    if not evaluations:
        return None
    best = best_evaluation(evaluations, best_metric)
    panels = [_panel(measure, evaluations, best, levels) for measure in measure_columns(evaluations)]
    return _write(folder / f"{stem}.png", draw_panels(panels, title))


def _panel(measure: Column, evaluations: Sequence[Evaluation], best: Evaluation | None, levels: Sequence[Row]) -> Panel:
    known = [one for one in evaluations if measure.is_in(one)]
    spread = [one.spread.get(measure.name, 0.0) for one in known]
    curve = Curve(
        [one.epoch for one in known],
        [measure.value(one) for one in known],
        spread=spread if any(spread) else (),
    )
    star = None
    if best is not None and measure.is_in(best):
        star = (f"best, epoch {best.epoch}", best.epoch, measure.value(best))
    lines = [(name, measure.value(evaluation)) for name, evaluation in levels if measure.is_in(evaluation)]
    return Panel(measure.title, [curve], lines, star)


def _as_json(name: str, evaluation: Evaluation) -> dict[str, Any]:
    fields = asdict(evaluation)
    del fields["images"], fields["step"]  # known only while a run trains
    return {"name": name, **fields, "epoch": evaluation.epoch or None}


def _write(file: Path, content: bytes) -> Path:
    make_folder(file.parent)
    write_atomically(file, content)
    return file
