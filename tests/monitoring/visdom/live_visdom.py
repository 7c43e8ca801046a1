"""A real visdom server, as scripts/monitor.py starts it."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.training.tiny_runs import ENVIRONMENT, ROOT

DEADLINE_SECONDS = 120


@dataclass
class LiveServer:
    """A server that can be killed and started again on the same port.

    Attributes:
        folder: where it may keep its environments.
        port: where it listens.
        options: of the script.
    """

    folder: Path
    port: int = 0
    options: tuple[str, ...] = ()
    process: subprocess.Popen | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def start(self) -> None:
        command = [sys.executable, "scripts/monitor.py", "--no_fetch", "--port", str(self.port)]
        command += self.options
        environment = ENVIRONMENT | {"HOME": str(self.folder)}
        log = (self.folder / "log.txt").open("w")
        self.process = subprocess.Popen(
            [*command, "--env_path", str(self.folder / "saved")], stdout=log, stderr=log, env=environment, cwd=ROOT
        )
        wait_until(lambda: "Ctrl-C stops it" in self.said())

    def said(self) -> str:
        """What it printed."""
        return (self.folder / "log.txt").read_text()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def environments(self) -> list[str] | None:
        """Their names; None when the server does not answer."""
        return self._ask("env_state", {})

    def windows(self, environment: str) -> dict[str, dict]:
        """The windows of an environment as the server keeps them, by id; none of one that it does not know."""
        if environment not in (self.environments() or ()):
            return {}
        return self._ask("win_data", {"win": None, "eid": environment}) or {}

    def _ask(self, what: str, question: dict) -> Any:
        try:
            reply = self.session.post(f"http://127.0.0.1:{self.port}/{what}", json=question, timeout=10)
            return reply.json() if reply.ok else None
        except requests.RequestException:
            return None


def wait_until(condition: Callable[[], Any]) -> Any:
    """What `condition` returns once that is true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return result


def curves(window: dict) -> dict[str, tuple[list, list]]:
    """(x, y) by name of a window with curves."""
    return {trace["name"]: (trace["x"], trace["y"]) for trace in window["content"]["data"]}
