"""What a cell of a notebook shows of the run that it trains (tests/test_notebook.py runs a real one)."""

import re
import sys
from types import SimpleNamespace

import pytest

from cut.monitoring import make_listeners
from cut.monitoring.notebook import SECONDS, NotebookView, in_notebook
from cut.monitoring.previews import PreviewFiles
from cut.training.evaluation import Evaluation
from cut.training.listener import EvaluationEvent, RunFacts
from tests.monitoring.clock import Clock
from tests.monitoring.miniature import Recorded, preview_event, progress_at, step_event


class Cell:
    """The output of a cell: what it shows, and how often that was drawn."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def begin(self, content: str):
        self.shown.append(content)
        return self.shown.append


@pytest.fixture
def cell():
    return Cell()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def view(cell, clock, make_options):
    """A view of a run that has begun, with its previews."""
    previews = PreviewFiles()
    view = Recorded(lambda record: NotebookView(record, previews, cell.begin, clock), clock)
    options, facts = make_options("--easy_label", "<b>", "--print_freq", "1"), RunFacts(best_metric="frechet")
    previews.start(options, progress_at(0), facts)
    view.start(options, progress_at(0), facts)
    view.previews_before = previews
    return view


def pictures(content: str) -> list[str]:
    return re.findall(r'<img src="data:image/png;base64,[\w+/=]+" alt="([^"]*)"', content)


def test_where_the_run_stands_is_shown_at_once_and_markup_is_not_taken_from_names(view, cell):
    assert "&lt;b&gt; (run)</b>: training" in cell.shown[0] and "images seen: <b>0 of 4,000</b>" in cell.shown[0]


def test_pictures_and_curves_appear(view, cell):
    view.previews_before.after_preview(preview_event(0, ("a.png", "b.png")))
    view.after_preview(preview_event(0))
    assert pictures(cell.shown[-1]) == ["source", "translation, before training"]
    view.after_step(step_event(1))
    view.finish(progress_at(1))
    assert pictures(cell.shown[-1])[-1] == "curves" and "</b>: stopped" in cell.shown[-1]


def test_steps_are_drawn_seldom(view, cell, clock):
    for images in range(1, 6):
        clock.now += SECONDS / 2
        view.after_step(step_event(images))
    assert len(cell.shown) == 1 + 2


def test_a_measure_is_shown_when_it_is_known(view, cell):
    measured = Evaluation(1, 10, 10, {"frechet": 82.5}, {}, {"extractor": "Inception"})
    view.after_evaluation(EvaluationEvent(progress_at(10), measured, measured, "frechet"))
    assert "measured, epoch 1: <b>FID 82.5" in cell.shown[-1] and pictures(cell.shown[-1]) == ["curves"]


def test_without_matplotlib_a_sentence_says_so(view, cell, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    view.after_step(step_event(1))
    view.finish(progress_at(1))
    assert "without matplotlib" in cell.shown[-1]


def test_it_is_there_in_a_notebook_alone(make_options, monkeypatch):
    assert not in_notebook()
    assert not any(isinstance(one, NotebookView) for one in make_listeners(make_options()))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel="one")))
    assert any(isinstance(one, NotebookView) for one in make_listeners(make_options()))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
