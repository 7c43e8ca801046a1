"""datasets/download.py from end to end against a local server."""

import os
import re

import download
import pytest
from archives import DamagedArchive
from common import PreparationError, explain_os_error
from making import picture, run_script, tree, zip_bytes

from tests.hostile.downloads import ANSWERS, ARCHIVES

SIDES = {f"{side}/{number}.png": picture() for side in ("trainA", "trainB", "testA", "testB") for number in range(3)}
ARCHIVE = zip_bytes({f"horse2zebra/{name}": content for name, content in SIDES.items()})


@pytest.fixture
def get(run_main, tmp_path, monkeypatch):
    """get(server, *options): download horse2zebra to tmp_path/horse2zebra."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    output = tmp_path / "horse2zebra"
    return lambda server, *more: run_main(download, "horse2zebra", "--url-base", server.url, "--output", output, *more)


@pytest.mark.parametrize(
    "behaviours",
    [
        ("honest",),
        ("drop", "honest"),
        ("drop", "no ranges"),
        ("drop", "wrong bytes", "honest"),  # found by the checksums, then downloaded whole
        ("long", "honest"),
    ],
    ids=" then ".join,
)
def test_the_folder_is_complete_and_alone(serve, get, tmp_path, behaviours):
    get(serve(ARCHIVE, *behaviours))
    assert tree(tmp_path) == {f"horse2zebra/{name}": content for name, content in SIDES.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["horse2zebra"]


def test_a_second_run_reuses_and_force_replaces(serve, get, tmp_path, capsys):
    server = serve(ARCHIVE)
    get(server)
    get(server)
    assert len(server.ranges) == 1 and "--force" in capsys.readouterr().out
    server.content = zip_bytes({"trainA/new.png": b"1", "trainB/new.png": b"2"})
    get(server, "--force")
    assert tree(tmp_path).keys() == {"horse2zebra/trainA/new.png", "horse2zebra/trainB/new.png"}


@pytest.mark.parametrize(
    ("content", "behaviour", "error"),
    [
        (ARCHIVE, "short", DamagedArchive),  # announces less than there is: looks complete, is not
        (b"<html>Log in</html>", "honest", DamagedArchive),
        (zip_bytes({"../trainA/1.png": b"1"}), "honest", PreparationError),
        (zip_bytes({"x/readme.txt": b"1"}), "honest", PreparationError),
        (ARCHIVE, "404", PreparationError),
    ],
)
def test_after_a_failure_nothing_is_left(serve, get, tmp_path, content, behaviour, error):
    with pytest.raises(error):
        get(serve(content, behaviour))
    assert list(tmp_path.iterdir()) == []


def refusal(get, server) -> str:
    """The one sentence of a failed download, which is safe to print."""
    with pytest.raises((PreparationError, OSError)) as caught:
        get(server)
    error = caught.value
    sentence = str(error) if isinstance(error, PreparationError) else explain_os_error(error)
    assert sentence.isprintable() and len(sentence) < 700 and sentence.endswith((".", ".)"))
    return sentence


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_that_no_server_should_give(serve, get, tmp_path, answer):
    refusal(get, serve(ARCHIVE, answer))
    assert all(path.name.endswith(".part") for path in tmp_path.iterdir())  # a beginning that can be gone on with
    get(serve(ARCHIVE))
    assert tree(tmp_path).keys() == {f"horse2zebra/{name}" for name in SIDES}


def test_a_length_that_cannot_be_is_said_before_anything_is_written(serve, get, tmp_path):
    for answer in ("a length of a petabyte", "a length of 40 digits", "a length of 5,000 digits"):
        assert "which cannot be right" in refusal(get, serve(ARCHIVE, ANSWERS[answer]))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_archives_that_nobody_should_make(serve, get, tmp_path, content):
    refusal(get, serve(content))
    assert list(tmp_path.iterdir()) == []
    get(serve(ARCHIVE))
    assert tree(tmp_path).keys() == {f"horse2zebra/{name}" for name in SIDES}


@pytest.mark.parametrize("place", ["horse2zebra.zip", "horse2zebra.zip.part", "horse2zebra.zip.origin.part"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_is_not_opened(serve, get, tmp_path, place, make):
    make(tmp_path / place)
    assert "is in the way" in refusal(get, serve(ARCHIVE))
    assert [path.name for path in tmp_path.iterdir()] == [place]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[" * 9999,
        "[1]",
        "\0",
        '{"other": 1}',
        '{"url": "U", "size": "x"}',
        '{"url": "U", "size": -1}',
        '{"url": "U", "size": true}',
        '{"url": "U", "size": 5, "validator": "a\\nb"}',
        '{"url": "U", "validator": []}',
        '{"url": "U", "size": ' + "9" * 5000 + "}",
    ],
)
def test_a_damaged_note_starts_again(serve, get, tmp_path, note):
    server = serve(ARCHIVE)
    (tmp_path / "horse2zebra.zip.part").write_bytes(b"of something else")
    (tmp_path / "horse2zebra.zip.origin.part").write_text(note.replace("U", f"{server.url}/horse2zebra.zip"))
    get(server)
    assert server.ranges == [None] and [path.name for path in tmp_path.iterdir()] == ["horse2zebra"]


def test_a_full_disk_while_unpacking_keeps_only_the_archive(serve, get, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    server = serve(ARCHIVE)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        with pytest.raises(OSError, match="No space"):
            get(server)
    assert [path.name for path in tmp_path.iterdir()] == ["horse2zebra.zip"]
    get(server)
    assert len(server.ranges) == 1 and [path.name for path in tmp_path.iterdir()] == ["horse2zebra"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["horse2zbra"], "did you mean horse2zebra"),
        (["cityscapes"], "prepare_cityscapes.py"),
        (["cat2dog"], "prepare_afhq.py"),
        (["../x", "--url-base", "http://127.0.0.1:9"], "no data set"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, arguments, words):
    result = run_script("download.py", *arguments, "--output", tmp_path / "x")
    assert result.returncode == 2 and words in result.stderr
    assert re.fullmatch(r"error: [^\n]+\.\n", result.stderr)
