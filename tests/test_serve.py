"""The server of the pages: what it shows, what it keeps to itself, and its sentences."""

import os
import socket
import threading
import urllib.error
import urllib.request
from argparse import Namespace
from contextlib import contextmanager

import pytest

from cut.errors import UserError
from cut.monitoring.web.page_data import best_data, script
from cut.training.evaluation import Evaluation
from scripts.serve import main, make_server, overview, serve
from tests.hostile.special_files import NO_FILES
from tests.hostile.web import DAMAGED_DATA, NO_REQUESTS, damaged_data, said_to

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


@contextmanager
def running(server):
    """Yields its port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def port(runs):
    """Of a server that runs until the test ends."""
    with running(make_server(runs, "localhost", 0)) as port:
        yield port


@pytest.fixture
def fetch(port):
    def fetch(path):
        with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=30) as answer:
            return answer.headers, answer.read()

    return fetch


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


@pytest.mark.parametrize("damage", DAMAGED_DATA)
def test_damaged_data_is_a_sentence_of_that_run_alone(runs, damage):
    (runs / "old/web/data.js").write_bytes(damaged_data(damage))
    text = overview(runs)
    assert text.count("Not shown: web/data.js ") == 1 and "continuing the run writes it again" in text
    assert text.count("/web/index.html") == 2 and "FID 45.5 (epoch 2)" in text  # the other run as before


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("place", ["web/data.js", "web/index.html", "previews/sources.png"])
def test_only_files_are_opened(runs, fetch, kind, place):
    (runs / "old" / place).unlink()
    NO_FILES[kind](runs / "old" / place)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(f"/old/{place}")
    assert fetch("/")[1].decode().count(f"Not shown: {place} ") == (0 if "previews" in place else 1)


def test_what_is_missing_or_cannot_be_read_is_said(runs, monkeypatch):
    add_run(runs, "no page")
    (runs / "no page/web/index.html").unlink()
    (runs / "old/web/data.js").unlink()
    (runs / "a file").touch()
    (runs / "no web").mkdir()
    text = overview(runs)
    for sentence in ("web/index.html cannot be read (No such file", "web/data.js cannot be read (No such file"):
        assert text.count(f"Not shown: {sentence}") == 1
    assert "a file" not in text and "no web" not in text and text.count("Not shown") == 2

    def refused(path, *more, real=os.lstat, **named):  # as folders without permission do, which root may read
        if str(path).startswith(str(runs / "old")):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *more, **named)

    monkeypatch.setattr(os, "lstat", refused)
    monkeypatch.setattr(os, "stat", lambda *path, real=os.stat, **named: refused(*path, real=real, **named))
    text = overview(runs)
    assert "web/index.html cannot be read (Permission denied)" in text and "FID 45.5 (epoch 2)" in text


def test_a_folder_of_runs_that_vanished_is_a_sentence(fetch, runs):
    runs.rename(runs.with_name("moved"))
    assert "cannot be read (No such file or directory)" in fetch("/")[1].decode()


def test_links_out_of_the_pages_are_not_followed(runs, fetch, tmp_path):
    add_run(tmp_path / "elsewhere", "run", updated=3e6)
    (runs / "linked").symlink_to(tmp_path / "elsewhere/run")
    (runs / "old/web/out.png").symlink_to(tmp_path / "secret.png")
    (runs / "old/web/weights.png").symlink_to(runs / "old/latest_net_G.pth")
    (runs / "old/previews/images").symlink_to(tmp_path)
    (runs / "again").symlink_to(runs / "old")
    for path in ("linked/web/index.html", "old/web/out.png", "old/web/weights.png", "old/previews/images/secret.png"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"/{path}")
    assert fetch("/again/web/index.html")[1] == b"the page"
    text = fetch("/")[1].decode()
    assert "is a symbolic link out of the pages" in text and "linked/web" not in text


def test_the_folder_of_the_runs_may_be_a_link_itself(runs, tmp_path):
    (tmp_path / "short").symlink_to(runs)
    assert overview(tmp_path / "short") == overview(runs)


@pytest.mark.parametrize("request_", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_gets_an_answer(port, fetch, request_):
    answer = said_to(port, request_)
    assert answer.startswith(b"HTTP/1.0 4") and b"\x1b" not in answer
    assert fetch("/old/web/index.html")[1] == b"the page"


@pytest.mark.parametrize("path", ["/", "/old/web/index.html"])
def test_head_is_get_without_the_content(port, path):
    head, get = (said_to(port, f"{word} {path} HTTP/1.0\r\n\r\n".encode()) for word in ("HEAD", "GET"))
    without_date = [
        [line for line in one.partition(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b"Date")]
        for one in (head, get)
    ]
    assert without_date[0] == without_date[1] and without_date[0][0] == b"HTTP/1.0 200 OK"
    assert head.endswith(b"\r\n\r\n") and not get.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Host: localhost:{port}", 200),
        ("Host: 127.0.0.1:9", 200),  # as through ssh, from another port
        ("Host: [::1]:{port}", 200),
        ("Host: evil.example:{port}", 403),
        ("Host: localhost.evil.example", 403),
        ("Host: 127.0.0.1.evil.example", 403),
        ("Host: 192.0.2.1", 403),
        ("Host: localhost:{port}\r\nOrigin: http://evil.example", 403),
        ("Host: localhost:{port}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", 403),
    ],
)
def test_other_sites_cannot_ask_by_a_name_of_their_own(port, headers, status):
    for path in ("/", "/old/web/index.html"):
        answer = said_to(port, f"GET {path} HTTP/1.1\r\n{headers.format(port=port)}\r\n\r\n".encode())
        assert answer.startswith(f"HTTP/1.0 {status} ".encode()) and (b"the page" in answer) <= (status == 200)


def test_a_server_for_everybody_asks_for_its_token(runs, capsys, monkeypatch):
    server = make_server(runs, "0.0.0.0", 0)
    with running(server) as port:
        monkeypatch.setattr(server, "serve_forever", lambda: None)
        monkeypatch.setattr(server, "server_close", lambda: None)
        serve(server, Namespace(checkpoints_dir=runs))
        monkeypatch.undo()
        token = capsys.readouterr().out.partition(f":{port}/?token=")[2].split()[0]
        page = "GET /old/web/index.html{} HTTP/1.0\r\nHost: gpu1.example\r\n{}\r\n"
        asked = said_to(port, page.format("", "").encode())
        assert asked.startswith(b"HTTP/1.0 401") and b"the page" not in asked and token.encode() not in asked
        assert said_to(port, page.format("?token=wrong", "").encode()).startswith(b"HTTP/1.0 401")
        admitted = said_to(port, page.format(f"?token={token}", "").encode()).decode()
        assert admitted.startswith("HTTP/1.0 302") and "Location: /old/web/index.html\r\n" in admitted
        cookie = admitted.partition("Set-Cookie: ")[2].partition(";")[0]
        assert said_to(port, page.format("", f"Cookie: a=b; {cookie}\r\n").encode()).endswith(b"the page")


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
