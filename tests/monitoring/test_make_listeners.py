"""What a run leaves and says with the listeners that its options ask for."""

import pickle

import pytest

from cut.monitoring import make_listeners
from cut.monitoring.visdom.view import VisdomView
from tests.monitoring.miniature import preview_event, progress_at, train


class Everyone:
    """Tells several listeners in their order, as the loop does."""

    def __init__(self, listeners) -> None:
        self.listeners = listeners

    def __getattr__(self, name):
        return lambda *details: [getattr(listener, name)(*details) for listener in self.listeners]


@pytest.fixture
def left_by(make_options):
    """`left_by("--no_html")`: what an epoch of ten steps leaves in the folder of the run."""

    def run(*words: str) -> set[str]:
        options = make_options("--print_freq", "5", "--display_id", "0", "--evaluation_freq", "5", *words)
        everyone = Everyone(make_listeners(options))
        train(everyone, options, range(1, 11))
        everyone.after_preview(preview_event(10))
        everyone.finish(progress_at(10))
        return {file.name for file in options.run.folder.iterdir()}

    return run


def test_logs_previews_and_a_page_are_left_and_the_terminal_is_told(left_by, capsys):
    assert left_by() == {"loss_log.txt", "metrics.jsonl", "previews", "web"}
    said = capsys.readouterr().out
    assert said.startswith("Watch it: ") and said.split("\n")[0].endswith("index.html")
    assert said.count("(epoch: 1, iters: ") == 2


def test_the_page_can_be_turned_off(left_by):
    assert left_by("--no_html") == {"loss_log.txt", "metrics.jsonl", "previews"}


def test_tensorboard_is_there_when_asked_for(left_by):
    pytest.importorskip("tensorboard", reason="the package tensorboard is optional, and not installed here")
    assert "tensorboard" in left_by("--tensorboard")


@pytest.mark.parametrize(("display_id", "live"), [("auto", True), ("7", True), ("0", False), ("-1", False)])
def test_visdom_can_be_turned_off(make_options, display_id, live):
    words = [] if display_id == "auto" else ["--display_id", display_id]
    assert any(isinstance(listener, VisdomView) for listener in make_listeners(make_options(*words))) == live


def test_options_hold_no_listener(make_options):
    options = make_options()
    make_listeners(options)
    assert pickle.loads(pickle.dumps(options)) == options  # data workers get the options
