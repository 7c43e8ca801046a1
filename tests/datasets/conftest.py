"""Puts the scripts' folder on the path, as `python datasets/x.py` does; shared fixtures."""

import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "datasets"), str(HERE)]

from misbehaving_server import Server  # noqa: E402  (only found from here on)


@pytest.fixture
def run_main(monkeypatch):
    """run_main(module, *arguments): a script's main() in this process, with that command line."""

    def run(module, *arguments) -> None:
        monkeypatch.setattr(sys, "argv", [module.__file__, *map(str, arguments)])
        module.main()

    return run


@pytest.fixture
def serve(monkeypatch):
    """serve(content, *behaviours) -> Server, running until the test ends."""
    servers = []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def start(content: bytes, *behaviours: str) -> Server:
        server = Server(content, *(behaviours or ("honest",)))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
