"""The token of a visdom server on this machine, in a file that only its user can read, where trainings find it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from cut.errors import UserError
from cut.reading import read_text
from cut.servers.access import VARIABLE, is_token

LOCAL = ("localhost", "127.0.0.1", "::1")


def token_file(port: int) -> Path:
    """Where the token is kept; homes may be shared between machines.

    Raises:
        RuntimeError: when the user has no home.
    """
    return Path.home() / ".visdom" / "tokens" / f"{socket.gethostname()}-{port}"


@contextmanager
def published(token: str, port: int) -> Iterator[str | None]:
    """Keep the token in its file as long as the block runs; yields why that failed, None if it did not."""
    problem, file = None, None
    try:
        file = token_file(port)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # of a server that was killed; a new file has its own permissions from the start
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(token)
    except (OSError, RuntimeError) as error:
        problem = f"{file or 'The home folder'} cannot be written ({getattr(error, 'strerror', None) or error})"
    try:
        yield problem
    finally:
        if file is not None and _read(file) == token:
            with suppress(OSError):
                file.unlink()


def token_for(server: str, port: int) -> str | None:
    """The token for a server, as an address like http://localhost: the environment's, else that of its file here."""
    given = os.environ.get(VARIABLE, "")
    if is_token(given):
        return given
    if urlsplit(server).hostname not in (*LOCAL, socket.gethostname().lower()):
        return None
    try:
        return _read(token_file(port))
    except RuntimeError:
        return None


def _read(file: Path) -> str | None:
    try:
        token = read_text(file)
    except (UserError, OSError, ValueError):
        return None
    return token if is_token(token) else None
