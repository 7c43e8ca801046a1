"""The download against servers that serve ranges, ignore them, drop connections and lie."""

import random

import fetch
import pytest
from common import PreparationError

CONTENT = random.Random(0).randbytes(100_000)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "x.zip"


def get(server, file):
    return fetch.fetch(f"{server.url}/x.zip", file, wait_seconds=0)


@pytest.mark.parametrize(
    "behaviours",
    [
        ("honest",),
        ("no ranges",),
        ("no length",),
        ("drop", "honest"),
        ("drop", "drop", "drop", "honest"),
        ("drop", "no ranges"),
        ("drop", "wrong range", "honest"),
        ("drop", "changed", "honest"),
        ("long", "honest"),
        ("503", "honest"),
        ("drop", "429", "honest"),
    ],
    ids=" then ".join,
)
def test_arrives_whole(serve, file, behaviours):
    get(serve(CONTENT, *behaviours), file)
    assert file.read_bytes() == CONTENT
    assert [path.name for path in file.parent.iterdir()] == ["x.zip"]


def test_a_broken_download_goes_on_where_it_stopped(serve, file):
    server = serve(CONTENT, "drop", "honest")
    assert get(server, file) is True
    assert server.ranges == [None, "bytes=60000-"]


def test_the_next_run_goes_on_too(serve, file):
    server = serve(CONTENT, "drop", "503", "503", "503", "honest")
    with pytest.raises(PreparationError, match="answered 503 .* 0.1 MB are kept"):
        get(server, file)
    assert not file.exists()
    get(server, file)
    assert file.read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=60000-"


def test_a_part_of_another_address_or_version_is_not_gone_on_with(serve, file):
    with pytest.raises(PreparationError):
        get(serve(bytes(50_000), "drop", "503"), file)
    server = serve(CONTENT)
    get(server, file)
    assert file.read_bytes() == CONTENT and server.ranges == [None]


def test_a_part_longer_than_the_file_is_dropped(serve, file):
    server = serve(CONTENT + b"more", "drop", "503", "503", "503", "honest")
    with pytest.raises(PreparationError):
        get(server, file)
    server.content = CONTENT[:100]
    get(server, file)
    assert file.read_bytes() == CONTENT[:100]


@pytest.mark.parametrize("behaviour", ["drop, no ranges", "503"])
def test_gives_up_after_a_bounded_number_of_tries(serve, file, behaviour):
    server = serve(CONTENT, behaviour)
    with pytest.raises(PreparationError, match="run the same command again"):
        get(server, file)
    assert len(server.ranges) <= fetch.BARREN_TRIES + 1
    assert not file.exists()


def test_tries_are_bounded_even_if_each_brings_something(serve, file, monkeypatch):
    monkeypatch.setattr(fetch, "TRIES", 4)
    server = serve(CONTENT, "drop")
    with pytest.raises(PreparationError, match="in 4 tries"):
        get(server, file)
    assert len(server.ranges) == 4


@pytest.mark.parametrize("status", ["404", "403", "410"])
def test_a_refusal_is_not_repeated(serve, file, status):
    server = serve(CONTENT, status)
    with pytest.raises(PreparationError, match=status):
        get(server, file)
    assert len(server.ranges) == 1


def test_no_server_and_no_address(file):
    with pytest.raises(PreparationError, match="no connection"):
        fetch.fetch("http://127.0.0.1:9/x.zip", file, wait_seconds=0)
    with pytest.raises(PreparationError, match="not http"):
        fetch.fetch("nowhere/x.zip", file, wait_seconds=0)


def test_a_full_disk_is_noticed_before_anything_is_written(serve, file, monkeypatch):
    monkeypatch.setattr(fetch.check_space.__globals__["shutil"], "disk_usage", lambda _: type("", (), {"free": 1000}))
    with pytest.raises(OSError, match="100,000 bytes are needed"):
        get(serve(CONTENT), file)
