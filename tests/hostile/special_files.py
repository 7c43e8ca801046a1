"""What stands at the place of a file and is none."""

import os
import socket
from collections.abc import Callable
from pathlib import Path


def pipe(place: Path) -> None:
    os.mkfifo(place)


def unix_socket(place: Path) -> None:
    """A socket in the file system; the name is bound from its folder, since long paths are refused."""
    before = os.getcwd()
    os.chdir(place.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(place.name)
    finally:
        os.chdir(before)


def loop(place: Path) -> None:
    place.symlink_to(place.name)


def device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def dangling(place: Path) -> None:
    place.symlink_to("nowhere")


NO_FILES: dict[str, Callable[[Path], None]] = {
    "a named pipe": pipe,
    "a socket": unix_socket,
    "a link to itself": loop,
    "a link to a device": device,
    "a link to nothing": dangling,
    "a folder": Path.mkdir,
}
"""What makes something else than a regular file at a place, by what that is."""
