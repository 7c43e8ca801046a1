"""What is said of servers that are missing, silent, or not visdom; the sockets here are real."""

import http.server
import socket
import threading

import numpy as np
import pytest

from cut.monitoring.visdom.server import ServerTrouble, VisdomServer, environment_name, plain
from cut.servers.access import REALM, VARIABLE
from cut.servers.token_file import published


def trouble(server: str = "http://localhost", port: int = 1, seconds: float = 10.0) -> str:
    with pytest.raises(ServerTrouble) as caught:
        VisdomServer(server, port, "run").environments(seconds)
    return str(caught.value)


def test_a_closed_port():
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    assert trouble(port=port) == (
        f"no visdom answers at http://localhost:{port} (start one: python scripts/monitor.py --port {port})"
    )


def test_a_server_that_accepts_and_never_answers():
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        assert trouble(port=port, seconds=0.05).startswith(f"what listens at http://localhost:{port} does not answer")


@pytest.mark.parametrize("reply", [b"SSH-2.0-OpenSSH_9.2\r\n", b""])
def test_a_server_that_speaks_something_else(reply):
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.sendall(reply)
        connection.close()

    with socket.create_server(("localhost", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        sentence = trouble(port=server.getsockname()[1])
        thread.join(60)
    assert "broke" in sentence and "is it visdom?" in sentence


@pytest.mark.parametrize("body", [b"<h1>hello</h1>", b'{"envs": []}', b""])
@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_web_server_that_is_not_visdom(body, status):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("localhost", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        sentence = trouble(port=server.server_port)
        thread.join(60)
    assert "is not visdom" in sentence and f"--display_port {server.server_port + 1}" in sentence


def test_a_host_that_is_not_known(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert trouble("http://nowhere.invalid", 8097) == (
        "the host name in http://nowhere.invalid:8097 is not known (check --display_server)"
    )


@pytest.mark.parametrize("server", ["http://[", "gopher://localhost", "http://", "http://localhost:80", ""])
def test_what_is_no_address(server):
    assert "is not an address" in trouble(server, 8097)


def test_this_machine_is_not_asked_for_through_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    assert "no visdom answers" in trouble(port=port)


def test_environments():
    assert environment_name("main", "horses") == environment_name("", "horses") == "horses"
    assert environment_name("all", "horses") == "all"
    assert environment_name("main", "a/b") != environment_name("main", "a_b")
    assert plain("ünï<b>").isascii()


class Client:
    """Takes the place of visdom's client."""

    def __getattr__(self, name):
        return lambda *arguments, **named: setattr(self, "called", (name, arguments, named))


def test_texts_that_the_page_reads_as_html_are_escaped():
    server = VisdomServer("http://localhost", 1, "run")
    server._client = client = Client()
    x = np.array([0.5, 1.0])
    curves = {"<b>": np.array([1.0, np.inf]), "NCE": np.array([np.nan, 2.0])}
    server.lines("run_losses", "<i>", x, curves, "<i>", (10, 10), markers=False)
    _, _, named = client.called
    assert named["opts"]["legend"] == ["&lt;b&gt;", "NCE"]
    assert named["opts"]["layoutopts"]["plotly"]["title"] == "&lt;i&gt;"
    np.testing.assert_array_equal(named["Y"], [[1.0, np.nan], [np.nan, 2.0]])


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses(status, monkeypatch, tmp_path):
    """The token is sent only when it is asked for, and what is not known here has to be set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    shown = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            shown.append(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("WWW-Authenticate", REALM)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("localhost", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            sentence = trouble(port=server.server_port)
            assert (f"set {VARIABLE}" if status == 401 else "refuses the request") in sentence and shown == [None]
            with published("a-token-of-the-test", server.server_port) as problem:
                assert problem is None
                trouble(port=server.server_port)
            assert shown[1:] == ([None, "Bearer a-token-of-the-test"] if status == 401 else [None])
        finally:
            server.shutdown()
            thread.join()
