"""Visdom may be there, missing, broken or hanging: the training never notices."""

import socket
import threading

import pytest

from cut.monitoring import visdom_view
from cut.monitoring.visdom_view import VisdomView
from cut.training.listener import RunFacts
from tests.monitoring.miniature import progress_at, step_event

OFTEN = ("--print_freq", "1", "--display_freq", "2")


class FakeVisdom:
    """Remembers what was drawn; `line`, `image` and `text` have the arguments of visdom's."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []

    def line(self, Y, X, win, name, update, opts):
        self.calls.append(("line", {"Y": Y, "X": X, "win": win, "name": name, "update": update}))

    def image(self, img, win, opts):
        self.calls.append(("image", {"shape": img.shape, "win": win, "opts": opts}))

    def text(self, text, win, opts):
        self.calls.append(("text", {"text": text, "win": win}))

    def of(self, kind: str) -> list[dict]:
        return [arguments for name, arguments in self.calls if name == kind]


@pytest.fixture
def port():
    """The port of something that accepts connections."""
    with socket.create_server(("localhost", 0)) as server:
        yield str(server.getsockname()[1])


@pytest.fixture
def closed_port():
    with socket.create_server(("localhost", 0)) as server:
        number = server.getsockname()[1]
    return str(number)


def draw(options, steps=range(1, 3), resumed_at=0, size=(6, 8)) -> tuple[FakeVisdom, list[str]]:
    server, said = FakeVisdom(), []
    view = VisdomView(said.append, connect=lambda *where: server)
    view.start(options, progress_at(resumed_at), RunFacts())
    for images in steps:
        view.after_step(step_event(images, size=size))
    view.finish(progress_at(images))
    return server, said


def test_losses_and_pictures_are_drawn(make_options, port):
    server, said = draw(make_options(*OFTEN, "--display_port", port))
    lines = server.of("line")
    assert [(line["name"], line["update"]) for line in lines] == [
        ("G_GAN", None), ("NCE", "append"), ("G_GAN", "append"), ("NCE", "append"),
    ]  # fmt: skip
    assert lines[-1]["X"] == [0.2] and lines[-1]["Y"] == [0.25]  # epochs, loss
    assert server.of("image")[0]["shape"] == (3, 8, 20)
    assert "<td>real_A</td><td>fake_B</td>" in server.of("text")[0]["text"]
    assert said == []


def test_a_continued_run_adds_to_its_plot(make_options, port):
    server, _ = draw(make_options(*OFTEN, "--display_port", port), steps=range(21, 23), resumed_at=20)
    assert all(line["update"] == "append" for line in server.of("line"))


def test_windows_count_from_display_id(make_options, port):
    server, _ = draw(make_options(*OFTEN, "--display_port", port, "--display_id", "7"))
    assert {arguments["win"] for _, arguments in server.calls} == {"7", "8", "9"}


def test_no_columns_means_a_window_for_each_picture(make_options, port):
    server, _ = draw(make_options(*OFTEN, "--display_port", port, "--display_ncols", "0", "--display_winsize", "100"))
    assert [image["opts"] for image in server.of("image")] == [
        {"title": label, "width": 100, "height": 75} for label in ("real_A", "fake_B")
    ]


@pytest.mark.parametrize("display_id", ["0", "-1"])
def test_visdom_can_be_turned_off(make_options, port, display_id):
    server, said = draw(make_options(*OFTEN, "--display_port", port, "--display_id", display_id))
    assert server.calls == [] and said == []


def test_a_missing_server_is_said_once(make_options, closed_port):
    server, said = draw(make_options(*OFTEN, "--display_port", closed_port))
    assert server.calls == []
    (sentence,) = said
    assert closed_port in sentence and "no live plots" in sentence


@pytest.mark.parametrize("where", ["http://no-such-host.invalid", "http://[", ""])
def test_a_senseless_address_is_a_missing_server(make_options, where, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror()))
    server, said = draw(make_options(*OFTEN, "--display_server", where))
    assert server.calls == [] and len(said) == 1


@pytest.mark.parametrize("breaks_at", ["connect", "draw"])
def test_a_failing_server_is_dropped_and_said_once(make_options, port, breaks_at):
    def fail(*_, **__):
        raise ConnectionError("gone")

    class Broken(FakeVisdom):
        line = image = text = fail

    said: list[str] = []
    view = VisdomView(said.append, connect=fail if breaks_at == "connect" else lambda *_: Broken())
    view.start(make_options(*OFTEN, "--display_port", port), progress_at(0), RunFacts())
    thread = view.sender.thread
    view.after_step(step_event(1))
    thread.join(timeout=10)
    for images in (2, 3, 4):
        view.after_step(step_event(images))
    view.finish(progress_at(4))
    (sentence,) = said
    assert "gone" in sentence and "training goes on" in sentence


def test_a_hanging_server_neither_blocks_nor_fills_the_memory(make_options, port, monkeypatch):
    hung, release = threading.Event(), threading.Event()

    class Hanging(FakeVisdom):
        def line(self, **_):
            hung.set()
            release.wait(10)

    said: list[str] = []
    view = VisdomView(said.append, connect=lambda *_: Hanging())
    view.start(make_options(*OFTEN, "--display_port", port), progress_at(0), RunFacts())
    sender = view.sender
    view.after_step(step_event(1))
    assert hung.wait(10)
    for images in range(2, 40):
        view.after_step(step_event(images))
    assert sender.plots.qsize() == visdom_view.QUEUE_LENGTH and said == []
    monkeypatch.setattr(visdom_view, "PATIENCE_SECONDS", 0.0)
    view.after_step(step_event(40))
    view.after_step(step_event(41))
    release.set()
    assert len(said) == 1 and "not answered" in said[0]


def test_the_real_client_meets_a_server_that_is_no_visdom(make_options):
    """The connection is accepted and closed: whatever the client makes of that, it stays in its thread."""
    pytest.importorskip("visdom")
    with socket.create_server(("localhost", 0)) as server:
        stop = threading.Thread(target=lambda: server.accept()[0].close() or server.accept()[0].close(), daemon=True)
        stop.start()
        said: list[str] = []
        view = VisdomView(said.append)
        view.start(make_options(*OFTEN, "--display_port", str(server.getsockname()[1])), progress_at(0), RunFacts())
        view.sender.thread.join(timeout=30)
        view.after_step(step_event(1))
        assert len(said) == 1 and "failed" in said[0]
