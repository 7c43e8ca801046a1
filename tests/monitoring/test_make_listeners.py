"""Which listeners a run gets."""

import pickle

import pytest

from cut.monitoring import make_listeners


def names(options) -> list[str]:
    return [type(listener).__name__ for listener in make_listeners(options)]


def test_all_listen_by_default(make_options):
    assert names(make_options()) == [
        "Record",
        "ConsoleListener",
        "LossLog",
        "MetricsLog",
        "PreviewFiles",
        "WebPage",
        "VisdomView",
    ]


def test_page_and_visdom_can_be_turned_off(make_options):
    always = ["Record", "ConsoleListener", "LossLog", "MetricsLog", "PreviewFiles"]
    assert names(make_options("--no_html", "--display_id", "0")) == always


def test_tensorboard_is_there_when_asked_for(make_options):
    pytest.importorskip("tensorboard", reason="the package tensorboard is optional, and not installed here")
    assert "TensorBoardLog" in names(make_options("--tensorboard"))


def test_options_hold_no_listener(make_options):
    options = make_options()
    make_listeners(options)
    assert pickle.loads(pickle.dumps(options)) == options  # data workers get the options
