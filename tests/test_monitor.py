"""The script that starts a visdom server; tests/monitoring/visdom/test_live.py uses the servers that it starts."""

import http.server
import socket
import threading

import pytest

from tests.scripts import load_script

pytest.importorskip("visdom")


@pytest.fixture(scope="module")
def monitor():
    return load_script("monitor")


@pytest.fixture
def port():
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_port_that_visdom_has_already(monitor, capsys):
    class Visdom(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Length", "8")
            self.end_headers()
            self.wfile.write(b'["main"]')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Visdom) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert monitor.main(["--port", str(server.server_port)]) == 2
        thread.join(60)
    assert "already there" in capsys.readouterr().err


def test_a_port_that_something_else_has(monitor, capsys):
    def refuse(server: socket.socket) -> None:
        server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=refuse, args=(other,))
        thread.start()
        port = other.getsockname()[1]
        assert monitor.main(["--port", str(port)]) == 2
        thread.join(60)
    assert f"--display_port {port + 1}" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "65536", "x"])
def test_what_is_no_port(monitor, number):
    with pytest.raises(SystemExit) as stop:
        monitor.main(["--port", number])
    assert stop.value.code == 2


def test_a_folder_that_cannot_be_made(monitor, port, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert monitor.main(["--no_fetch", "--port", str(port), "--env_path", str(tmp_path / "file" / "saved")]) == 2
    assert "could not start" in capsys.readouterr().err
