"""Files that change at once, whatever call it is at which the process is killed or the system refuses."""

import builtins
import errno
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cut.errors import UserError
from cut.training import atomic
from cut.training.atomic import committed, read_committed, roll_forward, write_atomically, write_set

ROOT = Path(__file__).parents[2]
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

    def fill(stream):
        with open("/dev/full", "wb") as device:
            device.write(b"x" * 100_000)

    for write in (lambda: write_set(tmp_path, {"D.pth": fill}), lambda: write_atomically(tmp_path / "D.pth", fill)):
        with pytest.raises(UserError, match="^The disk is full: .*D.pth was not written .*make room and go on.$"):
            write()
    assert read_all(tmp_path) == {"old"} and sorted(os.listdir(tmp_path)) == sorted(NAMES)


# ------------------------------------------------------------------ several processes at once

WRITER = """
import sys
from pathlib import Path
from cut.training.atomic import write_atomically
letter, path = sys.argv[1].encode(), Path(sys.argv[2])
def write(stream):
    for _ in range(50):
        stream.write(letter * 1000)
        stream.flush()
for _ in range(60):
    write_atomically(path, write, durable=False)
"""


def process(code: str, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def test_writers_of_one_path_do_not_disturb_each_other_and_readers_see_one_of_them(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"a" * 50_000)
    writers = [process(WRITER, letter, path) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        content = path.read_bytes()
        seen.add((len(content), len(set(content))))
    assert [writer.wait() for writer in writers] == [0, 0]
    assert seen == {(50_000, 1)} and os.listdir(tmp_path) == ["x.png"]


HELD = """
import sys
from pathlib import Path
from cut.training.atomic import write_atomically
def write(stream):
    stream.write(b"new")
    print("writing", flush=True)
    sys.stdin.readline()
write_atomically(Path(sys.argv[1]), write)
"""


def test_a_run_that_saves_leaves_the_files_of_other_writers_alone(tmp_path):
    other = process(HELD, tmp_path / "evaluation.png")
    assert other.stdout.readline() == "writing\n"
    write_all(tmp_path, "saved")
    atomic._tidied.clear()
    write_atomically(tmp_path / "evaluation.json", lambda stream: stream.write(b"{}"))
    other.communicate("\n")
    assert other.returncode == 0 and (tmp_path / "evaluation.png").read_bytes() == b"new"


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    killed = process(HELD, tmp_path / "x.png")
    assert killed.stdout.readline() == "writing\n"
    killed.kill()
    killed.wait()
    assert len(os.listdir(tmp_path)) == 1
    write_atomically(tmp_path / "y.png", lambda stream: stream.write(b"y"))
    assert os.listdir(tmp_path) == ["y.png"]


def test_a_reader_follows_a_file_that_a_commit_moves(tmp_path, monkeypatch):
    write_all(tmp_path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "roll_forward", lambda folder: None)
        write_all(tmp_path, "new")
    places = []

    def read(place: Path) -> str:
        places.append(place.name)
        if len(places) == 1:
            roll_forward(tmp_path)  # by the writer, between the reader's look and its read
        return place.read_text()

    assert read_committed(tmp_path / "G.pth", read) == "new"
    assert places[0].endswith(".staged") and places[1] == "G.pth"
    with pytest.raises(FileNotFoundError, match="gone.pth'$"):
        read_committed(tmp_path / "gone.pth", Path.read_text)


def test_names_may_be_as_long_as_the_system_allows(tmp_path):
    for name in ("x" * 251 + ".png", "ä" * 125 + ".png", "." + "x" * 254):
        write_atomically(tmp_path / name, lambda stream: stream.write(b"1"))
        write_set(tmp_path, {name: lambda stream: stream.write(b"2")})
        assert (tmp_path / name).read_bytes() == b"2"


# ------------------------------------------------------------------ a journal that is something else


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"7", b'{"G.pth": 7}', b'{"../G.pth": "x.staged"}', b'{"G.pth": "../x.staged"}', b'["\x00"]', b"\xff"]
    + [b'{"G.pth": "D.pth"}', b"[" * 100_000, b"null", b'{"": ".staged"}'],
    ids=lambda content: repr(content[:20]),
)
def test_a_damaged_journal_is_one_sentence_and_moves_nothing(tmp_path, content):
    write_all(tmp_path, "old")
    (tmp_path / atomic.JOURNAL).write_bytes(content)
    for act in (
        lambda: roll_forward(tmp_path),
        lambda: committed(tmp_path / "G.pth"),
        lambda: write_all(tmp_path, "n"),
    ):
        with pytest.raises(UserError, match="commit.json is damaged, .*: remove it to go on from the save before.$"):
            act()
    (tmp_path / atomic.JOURNAL).unlink()
    assert read_all(tmp_path) == {"old"}


def test_a_journal_of_earlier_versions_is_finished(tmp_path):
    write_all(tmp_path, "old")
    (tmp_path / "G.pth.staged").write_text("new")
    (tmp_path / atomic.JOURNAL).write_text('["G.pth", "D.pth"]')
    assert committed(tmp_path / "G.pth").read_text() == "new"
    roll_forward(tmp_path)
    assert (tmp_path / "G.pth").read_text() == "new" and sorted(os.listdir(tmp_path)) == sorted(NAMES)
