"""Real visdom servers: fed, killed, started again; and real trainings that draw on one."""

import base64
import io
import itertools
import signal
import socket

import numpy as np
import pytest
from PIL import Image

from cut.monitoring.visdom import sender as visdom_sender
from cut.monitoring.visdom.server import VisdomServer
from cut.monitoring.visdom.view import VisdomView
from cut.servers.access import VARIABLE
from cut.servers.token_file import token_file
from cut.training.evaluation import Evaluation
from cut.training.listener import EvaluationEvent, RunFacts
from tests.monitoring.miniature import Recorded, progress_at, step_event
from tests.monitoring.visdom.live_visdom import DEADLINE_SECONDS, LiveServer, curves, wait_until
from tests.training.tiny_runs import Launcher, TinyRun

pytest.importorskip("visdom")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for all tests, each of which draws in environments of its own."""
    server = LiveServer(tmp_path_factory.mktemp("visdom"))
    server.start()
    yield server
    server.kill()


def test_a_killed_server_costs_nothing_and_is_used_again(server, make_options, monkeypatch):
    monkeypatch.setattr(visdom_sender, "SHORTEST_PAUSE", 0.02)
    monkeypatch.setattr(visdom_sender, "LONGEST_PAUSE", 0.2)
    said: list[str] = []
    view = Recorded(lambda record: VisdomView(record, said.append))
    view.start(
        make_options("--display_port", str(server.port), "--print_freq", "1", "--display_freq", "1"),
        progress_at(0),
        RunFacts(),
    )
    steps = itertools.count(1)

    def train_until(condition):
        def step_and_look():
            view.after_step(step_event(next(steps)))
            return condition()

        return wait_until(step_and_look)

    measured = Evaluation(1, 10, 10, {"frechet": 90.0, "psnr": 17.5}, details={"extractor": "Inception"})
    train_until(lambda: "run_losses" in server.windows("run"))
    view.after_evaluation(EvaluationEvent(progress_at(10), measured, measured, "frechet"))
    before = wait_until(lambda: len(windows := server.windows("run")) == 7 and windows)
    assert curves(before["run_losses"]).keys() == {"G_GAN", "NCE"} and curves(before["run_FID"]) == {"FID": ([1], [90])}
    picture = Image.open(io.BytesIO(base64.b64decode(before["run_images"]["content"]["src"].partition(",")[2])))
    assert np.asarray(picture).shape == (214, 516, 3)

    server.kill()
    train_until(lambda: any("pause" in sentence for sentence in said))
    server.start()
    after = train_until(lambda: len(windows := server.windows("run")) == 7 and windows)
    train_until(lambda: any("back" in sentence for sentence in said))
    view.finish(progress_at(10))
    assert after.keys() == before.keys()  # also those that nothing new came for
    x, y = curves(after["run_losses"])["NCE"]
    assert x[:3] == [0.1, 0.2, 0.3] and y[:3] == [0.125, 0.25, 0.375]  # the whole history
    assert len(said) == 3 and f"http://localhost:{server.port}/env/run" in said[0]


def test_a_continued_training_draws_on(server, tmp_path):
    """Also on a server that was started anew in between and knows nothing of what was before."""
    rng = np.random.default_rng(0)
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
        for number in range(4):
            pixels = rng.integers(0, 256, (36, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / side / f"{number}.png")
    (tmp_path / "checkpoints").mkdir()
    launcher = Launcher.start()
    options = {"display_id": 5, "display_port": server.port, "display_freq": 1, "display_winsize": 64}
    run = TinyRun(launcher, tmp_path, tmp_path / "checkpoints" / "tiny", options)
    try:
        assert run.start("--n_epochs_decay", "0") == 0
        assert f"http://localhost:{server.port}/env/tiny" in run.said
        x, y = curves(server.windows("tiny")["5"])["NCE"]
        assert x == [0.25, 0.5, 0.75, 1.0] and None not in y
        server.kill()
        server.start()
        assert run.resume("--n_epochs_decay", "1") == 0
    finally:
        launcher.stop()
    windows = server.windows("tiny")
    continued_x, continued_y = curves(windows["5"])["NCE"]
    assert continued_x == [*x, 1.25, 1.5, 1.75, 2.0] and continued_y[:4] == y
    assert {window["title"] for window in windows.values()} >= {"losses", "images", "learning rate", "options"}


HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YWJjZGVmZ2hpamtsbW5vcA==\r\n"
)
PAGES = ("GET /", "GET /env/main", "GET /static/js/main.js", "GET /user/style.css", "POST /events", "POST /env_state",
         "POST /win_data", "POST /delete_env", "POST /save", "GET /socket", "GET /vis_socket", "POST /socket_wrap",
         "GET /nowhere")  # fmt: skip


def status(port: int, page: str, headers: str) -> int:
    """The status of the answer to a request; its body is read no further."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        handshake = HANDSHAKE if page.endswith("socket") else "Content-Length: 2\r\n" if "POST" in page else ""
        body = "{}" if "POST" in page else ""
        connection.sendall(f"{page} HTTP/1.1\r\n{headers}{handshake}\r\n{body}".encode())
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_other_sites_can_neither_read_nor_write(server, page):
    own = f"Host: localhost:{server.port}\r\n"
    for strange in (
        f"Host: evil.example:{server.port}\r\n",
        f"Host: evil.example:{server.port}\r\nOrigin: http://evil.example:{server.port}\r\n",
        f"{own}Origin: http://evil.example\r\n",
        f"{own}Origin: http://localhost:1\r\n",
        f"{own}Origin: null\r\n",
        f"{own}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
    ):
        assert status(server.port, page, strange) == 403
    assert status(server.port, page, f"{own}Origin: http://localhost:{server.port}\r\n") not in (400, 401, 403)


def test_the_server_has_a_page_and_stops_when_asked(server):
    page = server.session.get(f"http://localhost:{server.port}/", timeout=60)
    assert page.status_code == 200 and "plotly" in page.text
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(DEADLINE_SECONDS) == 130


def test_a_server_for_everybody_admits_who_has_the_token(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    server = LiveServer(tmp_path, options=("--everywhere",))
    server.start()
    try:
        token = server.said().partition(f":{server.port}/?token=")[2].partition(";")[0]
        host = f"Host: gpu1.example:{server.port}\r\n"
        for page in PAGES:
            assert status(server.port, page, host) == status(server.port, page, f"{host}Cookie: a=b\r\n") == 401
        assert status(server.port, "GET /", f"{host}Authorization: Bearer {token[:-1]}x\r\n") == 401
        assert status(server.port, f"GET /?token={token}", host) == 302
        cookie = f"{host}Cookie: cut-{server.port}={token}\r\n"
        assert status(server.port, "GET /", cookie) == 200

        # A training of the same user finds the token, and goes on drawing after a restart with another.
        training = VisdomServer("http://localhost", server.port, "run")
        assert "main" in training.environments()
        training.text("window", "title", "content", (100, 100))
        assert "run" in training.environments()
        file = token_file(server.port)
        assert file.stat().st_mode & 0o777 == 0o600 and file.read_text() == token
        assert status(server.port, "GET /socket", f"{cookie}Origin: http://evil.example\r\n") == 403
        assert status(server.port, "GET /socket", cookie) == 101
        server.kill()
        server.start()
        assert "main" in training.environments() and token_file(server.port).read_text() != token
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(DEADLINE_SECONDS) == 130 and not file.exists()
    finally:
        server.kill()
