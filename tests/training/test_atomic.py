"""Files that change at once, whatever call it is at which the process is killed or the system refuses."""

import builtins
import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from cut.errors import UserError
from cut.training import atomic
from cut.training.atomic import committed, roll_forward, write_atomically, write_set

NAMES = ["G.pth", "D.pth", "F.pth", "state.pth"]
CALLS = [(builtins, "open"), (os, "replace"), (os, "fsync"), (os, "unlink"), (os, "open")]


class Killed(BaseException):
    """Stands for the end of the process: nothing that runs after it may touch the disk."""


class Interruption:
    """Lets `count` calls to the file system pass and raises at the next; after `Killed`, at all others too."""

    def __init__(self, monkeypatch, error: BaseException, count: int) -> None:
        self.error, self.left, self.struck = error, count, False
        for owner, name in CALLS:
            monkeypatch.setattr(owner, name, self.counting(getattr(owner, name)))

    def counting(self, function):
        def call(*arguments, **named):
            if self.struck and isinstance(self.error, Killed):
                raise self.error
            if not self.struck and self.left == 0:
                self.struck = True
                raise self.error
            self.left -= not self.struck
            return function(*arguments, **named)

        return call


def write_all(folder: Path, content: str) -> None:
    write_set(folder, {name: lambda stream: stream.write(content.encode()) for name in NAMES})


def read_all(folder: Path, through=lambda path: path) -> set[str]:
    return {through(folder / name).read_text() for name in NAMES}


def calls_of_a_write(folder: Path, monkeypatch) -> int:
    with monkeypatch.context() as patch:
        counter = Interruption(patch, Killed(), 10_000)
        write_all(folder, "new")
    return 10_000 - counter.left


def test_killed_at_any_call_no_reader_sees_two_sets(tmp_path, monkeypatch):
    seen = []
    (tmp_path / "count").mkdir()
    total = calls_of_a_write(tmp_path / "count", monkeypatch)
    assert total > 3 * len(NAMES)
    for count in range(total):
        folder = tmp_path / str(count)
        folder.mkdir()
        write_all(folder, "old")
        with monkeypatch.context() as patch:
            Interruption(patch, Killed(), count)
            with pytest.raises(Killed):
                write_all(folder, "new")
        contents = read_all(folder, committed)
        assert contents in ({"old"}, {"new"}), count
        roll_forward(folder)
        assert read_all(folder) == contents, count
        assert sorted(os.listdir(folder)) == sorted(NAMES), count
        seen.append(contents.pop())
    assert seen == sorted(seen, reverse=True) and set(seen) == {"old", "new"}, "the commit is one instant"


def test_killed_while_rolling_forward(tmp_path, monkeypatch):
    for count in range(12):
        folder = tmp_path / str(count)
        folder.mkdir()
        write_all(folder, "old")
        with monkeypatch.context() as patch:  # right after the commit
            patch.setattr(atomic, "roll_forward", lambda folder: None)
            write_all(folder, "new")
        assert (folder / atomic.JOURNAL).exists()
        with monkeypatch.context() as patch:
            Interruption(patch, Killed(), count)
            with suppress(Killed):
                roll_forward(folder)
        assert read_all(folder, committed) == {"new"}
        roll_forward(folder)
        assert read_all(folder) == {"new"} and sorted(os.listdir(folder)) == sorted(NAMES)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_refused_at_any_call_it_is_one_sentence_and_the_next_write_succeeds(tmp_path, monkeypatch, code):
    (tmp_path / "count").mkdir()
    for count in range(calls_of_a_write(tmp_path / "count", monkeypatch)):
        folder = tmp_path / str(count)
        folder.mkdir()
        write_all(folder, "old")
        with monkeypatch.context() as patch:
            Interruption(patch, OSError(code, os.strerror(code)), count)
            with pytest.raises(UserError) as error:
                write_all(folder, "new")
        assert len(error.value.problems) == 1 and "\n" not in str(error.value)
        assert ("disk is full" in str(error.value)) == (code == errno.ENOSPC)
        contents = read_all(folder, committed)
        assert contents in ({"old"}, {"new"}), count
        with monkeypatch.context() as patch:  # a kill in the middle of the next one must not meet leftovers
            Interruption(patch, Killed(), 6)
            with pytest.raises(Killed):
                write_all(folder, "newer")
        assert read_all(folder, committed) == contents
        write_all(folder, "newest")
        assert read_all(folder) == {"newest"} and sorted(os.listdir(folder)) == sorted(NAMES)


def test_a_writer_that_fails_leaves_everything_as_it_was(tmp_path):
    write_all(tmp_path, "old")

    def fail(stream):
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path, {"G.pth": lambda stream: stream.write(b"new"), "D.pth": fail})
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "F.pth", fail)
    assert read_all(tmp_path) == {"old"} and sorted(os.listdir(tmp_path)) == sorted(NAMES)


def test_a_program_error_is_no_full_disk(tmp_path):
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a", lambda stream: stream.write("text in a binary file"))


def test_new_and_old_names_in_one_set(tmp_path):
    write_set(tmp_path, {"a": lambda stream: stream.write(b"1")})
    write_set(tmp_path, {"a": lambda stream: stream.write(b"2"), "b": lambda stream: stream.write(b"2")})
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "2"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_really_full(tmp_path):
    write_all(tmp_path, "old")
    (tmp_path / "D.pth.staged").symlink_to("/dev/full")
    with pytest.raises(UserError, match="^The disk is full: .*make room and go on.$"):
        atomic._stage(tmp_path / "D.pth", lambda stream: stream.write(b"x" * 100_000))
    assert read_all(tmp_path) == {"old"} and sorted(os.listdir(tmp_path)) == sorted(NAMES)
