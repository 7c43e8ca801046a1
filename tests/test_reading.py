"""Only regular files are opened."""

import os
import socket

import pytest

from cut.errors import UserError
from cut.reading import open_regular, other_kind, read_json, read_text


@pytest.fixture
def kinds(tmp_path, monkeypatch):
    """One path of each kind that is no regular file, by what it is called."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)  # the address of a socket may have 107 characters only
        listening.bind("socket")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    pairs = [("pipe", "a named pipe"), ("socket", "a socket"), ("link", "a named pipe"), (".", "a folder")]
    return [(tmp_path / name, kind) for name, kind in pairs] + [("/dev/zero", "a device")]


def test_what_is_no_regular_file_is_named_and_not_opened(kinds):
    for path, kind in kinds:
        assert other_kind(path) == kind
        for read in (open_regular, read_text, read_json):
            with pytest.raises(UserError, match=f"is {kind}, not a regular file"):
                read(path)


def test_regular_files_are_read_through_links_and_missing_ones_are_missing(tmp_path):
    (tmp_path / "a.json").write_text('{"ä": [1, NaN, 1e999]}', encoding="utf-8")
    (tmp_path / "link.json").symlink_to("a.json")
    assert read_json(tmp_path / "link.json") == {"ä": [1, None, None]}
    assert other_kind(tmp_path / "gone") is None and other_kind("x" * 300) is None and other_kind("a\0b") is None
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "gone")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b"{} {}"])
def test_what_is_no_json_is_a_value_error(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match="."):
        read_json(tmp_path / "a.json")
