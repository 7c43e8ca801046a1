"""The server of the pages: what it shows, what it keeps to itself, and its sentences."""

import socket
import threading
import urllib.error
import urllib.request

import pytest

from cut.errors import UserError
from cut.monitoring.web.page_data import best_data, script
from cut.training.evaluation import Evaluation
from scripts.serve import main, make_server, overview

EVIL = "<script>alert(1)</script>"
PICTURE = b"\x89PNG of a preview"


def add_run(folder, name, **data):
    for part in ("web/images", "previews"):
        (folder / name / part).mkdir(parents=True)
    (folder / name / "web/index.html").write_text("the page")
    (folder / name / "web/data.js").write_bytes(script(data))
    (folder / name / "previews/sources.png").write_bytes(PICTURE)
    (folder / name / "latest_net_G.pth").write_bytes(b"weights")
    (folder / name / "web/mine.pth").write_bytes(b"weights")


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "checkpoints"
    facts = [["epoch", "3 of 400"]]
    measured = Evaluation(2, 600, 600, {"frechet": 45.5, "ssim": 0.5}, details={"extractor": "Inception"})
    best = best_data(measured, "frechet")
    add_run(folder, "old", state="finished", done=1.0, facts=facts, best=None, updated=1_000_000.0)
    add_run(folder, "a run", state="training", done=0.123, facts=facts, best=best, updated=2_000_000.0)
    (tmp_path / "secret.png").write_bytes(b"secret")
    return folder


@pytest.fixture
def fetch(runs):
    server = make_server(runs, "localhost", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def fetch(path):
        with urllib.request.urlopen(f"http://localhost:{server.server_address[1]}{path}", timeout=30) as answer:
            return answer.headers, answer.read()

    yield fetch
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_data_and_pictures_are_served_fresh(fetch):
    assert fetch("/a%20run/web/index.html")[1] == b"the page"
    headers, content = fetch("/a%20run/web/data.js?123")
    assert content.startswith(b"window.runData = ") and headers["Cache-Control"] == "no-cache"
    assert fetch("/old/previews/sources.png")[1] == PICTURE


@pytest.mark.parametrize(
    "path",
    [
        "/old/latest_net_G.pth", "/old/web/mine.pth", "/old/web/", "/old/", "/old/web/images/", "/secret.png",
        "/../secret.png", "/old/web/../../../secret.png", "/%2e%2e/secret.png", "/old/web/%2e%2e/latest_net_G.pth",
        "/old/web/..%2f..%2f..%2fsecret.png", "/old/web/missing.png", "/old/train/index.html",
    ],
)  # fmt: skip
def test_nothing_else_is(fetch, path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(path)


def test_the_first_page_lists_the_runs_newest_first(fetch, runs):
    text = fetch("/")[1].decode()
    assert text.index("a%20run/web/index.html") < text.index("old/web/index.html")
    for shown in ("training", "12%", "3 of 400", "FID 45.5 (epoch 2)", "finished", "100%"):
        assert shown in text
    assert fetch("/?x")[1].decode() == text


def test_broken_data_and_evil_names_are_shown_as_they_are(runs):
    add_run(runs, EVIL.replace("/", "∕"), state=EVIL, done="x", facts=3)
    (runs / "old/web/data.js").write_text("nonsense")
    text = overview(runs)
    assert "<script>alert" not in text and text.count("/web/index.html") == 3


def test_a_folder_without_runs_says_so(tmp_path):
    assert "No run here has a web page yet" in overview(tmp_path)


def test_what_cannot_be_served_is_a_sentence(tmp_path, capsys):
    assert main(["--checkpoints_dir", str(tmp_path / "missing")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="cannot be used"):
            make_server(tmp_path, "127.0.0.1", taken.getsockname()[1])
    for host, port in (("no.such.host.invalid", 0), ("localhost", 70_000)):
        with pytest.raises(UserError, match="cannot be used"):
            make_server(tmp_path, host, port)
