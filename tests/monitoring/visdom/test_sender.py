"""The thread that sends: what is sent again, what is said, and that it outlives every server."""

import threading

import pytest

from cut.monitoring.visdom import sender as visdom_sender
from cut.monitoring.visdom.sender import Sender
from tests.monitoring.visdom.fake_visdom import FakeServer, lost


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(visdom_sender, "SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr(visdom_sender, "LONGEST_PAUSE", 0.0)


def text(content: str, window: str, done: threading.Event | None = None):
    """A drawing of a text; `done` is set afterwards."""

    def draw(server) -> None:
        server.text(window, window, content, (1, 1))
        if done is not None:
            done.set()

    return draw


def give(sender: Sender, window: str, content: str) -> None:
    """Hand a text over and wait until it is drawn."""
    done = threading.Event()
    sender.give(window, text(content, window, done))
    assert done.wait(60)


def test_a_lost_server_is_reported_once_and_gets_everything_when_it_is_back():
    server, missed = FakeServer(), threading.Event()
    sender = Sender(server)
    give(sender, "a", "1")
    give(sender, "b", "1")
    assert sender.news() == ["Live plots: http://fake:1/env/run"]

    def lose(request: str) -> None:
        if missing.count(request) == 5:  # a restart that takes a while
            missed.set()
        missing.append(request)
        lost(request)

    missing: list[str] = []
    server.before = lose
    sender.give("a", text("2", "a"))
    assert missed.wait(60)
    (sentence,) = sender.news()
    assert sentence == (
        "The live plots pause until the server is back: the server is gone (start it); training goes on."
    )
    server.windows.clear()
    server.before = lambda request: None
    give(sender, "c", "1")
    sender.close(60)
    shown = {window: content["content"] for window, (_, content) in server.windows.items()}
    assert shown == {"a": "2", "b": "1", "c": "1"}
    assert sender.news() == ["The live plots are back: http://fake:1/env/run"]


def test_a_server_that_has_forgotten_gets_everything():
    """It was restarted between two drawings, so no request failed."""
    server = FakeServer()
    sender = Sender(server)
    give(sender, "a", "1")
    server.windows.clear()
    server.known = ["main"]
    give(sender, "b", "1")
    sender.close(60)
    assert set(server.windows) == {"a", "b"}


def test_a_server_that_comes_late_is_used():
    looked = threading.Event()

    def absent(request: str) -> None:
        looked.set()
        lost(request)

    server = FakeServer(before=absent)
    sender = Sender(server)
    assert looked.wait(60) and sender.decided.wait(60)
    sender.give("a", text("1", "a"))
    server.before = lambda request: None
    give(sender, "b", "1")
    sender.close(60)
    assert set(server.windows) == {"a", "b"}
    first, second = sender.news()
    assert first.startswith("No live plots: the server is gone (start it)") and second.startswith("Live plots: ")


def test_one_window_that_cannot_be_drawn_is_said_once_and_spares_the_others():
    server = FakeServer()
    sender = Sender(server)
    for _ in range(3):
        sender.give("bad", lambda server: 1 / 0)
        give(sender, "good", "1")
    sender.close(60)
    assert set(server.windows) == {"good"}
    assert [sentence for sentence in sender.news() if "bad" in sentence] == [
        "The visdom window bad could not be drawn (ZeroDivisionError('division by zero')); training goes on."
    ]


def test_a_client_that_fails_in_any_way_is_a_lost_server():
    failed = threading.Event()

    def fail(request: str) -> None:
        failed.set()
        raise AttributeError("no such thing")

    sender = Sender(FakeServer(before=fail))
    assert failed.wait(60) and sender.decided.wait(60)
    sender.close(60)
    assert "no such thing" in sender.news()[0] and sender.news() == []


def test_closing_does_not_wait_for_a_server_that_is_not_there():
    server = FakeServer(before=lost)
    sender = Sender(server)
    assert sender.decided.wait(60)
    sender.give("a", text("1", "a"))
    sender.close(float("inf"))  # which would never end if it waited for the thread to send
    sender.thread.join(60)
    assert server.windows == {} and not sender.thread.is_alive()
