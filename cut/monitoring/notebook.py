"""A run in the cell of the notebook that trains it: where it stands, its pictures and curves, drawn over in place."""

import html
import sys
import time
from collections.abc import Callable, Sequence

from cut.errors import UserError
from cut.html import data_url
from cut.monitoring.lines import run_title
from cut.monitoring.previews import PreviewFiles, file_name
from cut.monitoring.record import Record
from cut.monitoring.series import Point, as_curves
from cut.monitoring.visdom.windows import FEW, of_like_scale
from cut.monitoring.web.page_data import facts, moment
from cut.options import Options
from cut.plots import Curve, Panel, draw_panels
from cut.training.evaluation_table import describe_measures
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, PreviewEvent, Progress, RunFacts, StepEvent

SHARE = 0.02  # of the time that training takes; an update waits until it stays within this share
SECONDS = 2.0  # between updates, at least
CELL = 160  # width in pixels of a picture

Draw = Callable[[str], None]


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    module = sys.modules.get("IPython")
    return module is not None and getattr(module.get_ipython(), "kernel", None) is not None


class NotebookView(Listener):
    """Shows a run in the output of the cell that trains it.

    Args:
        record, previews: called before this listener.
        begin: shows HTML; returns what shows other HTML in its place. IPython's by default.
    """

    def __init__(
        self,
        record: Record,
        previews: PreviewFiles,
        begin: Callable[[str], Draw] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.record, self.previews, self.clock = record, previews, clock
        self.begin = begin or _display
        self.rate: float | None = None

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.title, self.progress, self.best_metric = run_title(options), progress, facts.best_metric
        self.began, self.spent, self.last = self.clock(), 0.0, self.clock()
        self.draw: Draw = self.begin(self._html("training"))

    def after_preview(self, event: PreviewEvent) -> None:
        self._update()

    def after_step(self, event: StepEvent) -> None:
        self.progress, self.rate = event.progress, event.learning_rate
        now = self.clock()
        if now - self.last >= SECONDS and self.spent <= SHARE * (now - self.began):
            self._update()

    def after_epoch(self, event: EpochEvent) -> None:
        self.progress = event.progress

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self._update()

    def finish(self, progress: Progress) -> None:
        self.progress = progress
        self._update("finished" if progress.images_left <= 0 else "stopped")

    def _update(self, state: str = "training") -> None:
        started = self.clock()
        self.draw(self._html(state))
        self.last = self.clock()
        self.spent += self.last - started

    def _html(self, state: str) -> str:
        known = facts(self.progress, self.record, self.rate, state)
        if self.record.last is not None:
            known.append((f"measured, epoch {self.record.last.epoch}", describe_measures(self.record.last)))
        told = " · ".join(f"{html.escape(name)}: <b>{html.escape(value)}</b>" for name, value in known)
        parts = [f"<p><b>{html.escape(self.title)}</b>: {state}<br>{told}</p>", *self._pictures(), self._curves()]
        return "\n".join(parts)

    def _pictures(self) -> list[str]:
        if not self.previews.times:
            return []
        newest = self.previews.times[-1]
        when = moment(newest, self.progress.images_per_epoch)
        rows = {"source": "sources.png", f"translation, {when}": file_name(newest)}
        rows |= {"real": "targets.png"} if self.previews.has_targets else {}
        width = CELL * len(self.previews.names)
        shown = []
        for label, file in rows.items():
            picture = (self.previews.folder / file).read_bytes()
            shown.append(f"<div>{label}</div>{_image(picture, label, width)}")
        return shown

    def _curves(self) -> str:
        losses = self.record.losses.points()
        panels = [_panel("losses", losses, names) for names in of_like_scale(losses)] if losses else []
        last, deciding = self.record.last, self.best_metric
        if last is not None and deciding is not None and deciding in last.measures:
            label = last.label(deciding)
            panels.append(_panel(label, self.record.measures.points_of(label), [label]))
        if not panels:
            return ""
        try:
            return _image(draw_panels(panels), "curves", 5 * CELL)
        except UserError as error:  # without matplotlib
            return f"<p>{html.escape(str(error))}</p>"


def _panel(label: str, points: Sequence[Point], names: list[str]) -> Panel:
    epochs, curves = as_curves(points)
    shown = names if len(names) > 1 else [""]  # a single curve has the label of its axis
    chosen = [
        Curve(epochs.tolist(), curves[name].tolist(), legend, color, marks=len(points) <= FEW)
        for color, (name, legend) in enumerate(zip(names, shown, strict=True))
    ]
    return Panel(label, chosen)


def _image(png: bytes, text: str, width: int) -> str:
    style = f"width: {width}px; max-width: 100%"
    return f'<img src="{data_url(png)}" alt="{html.escape(text)}" style="{style}">'


def _display(content: str) -> Draw:
    from IPython.display import HTML, display  # there wherever a notebook is

    handle = display(HTML(content), display_id=True)
    return lambda other: handle.update(HTML(other))
