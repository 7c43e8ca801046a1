"""Archives that are damaged or hostile are refused before anything is written."""

import contextlib
import stat
import zipfile

import archives
import pytest
from archives import DamagedArchive, find_files, unpack
from common import PreparationError
from making import tree, zip_bytes

from tests.hostile.downloads import damaged


@pytest.fixture
def attempt(tmp_path):
    """attempt(archive bytes) -> the folder they were unpacked to; asserts that a refusal writes nothing."""

    def run(content: bytes):
        path, folder = tmp_path / "x.zip", tmp_path / "folder"
        path.write_bytes(content)
        folder.mkdir()
        try:
            unpack(path, folder)
        except PreparationError:
            assert tree(tmp_path).keys() == {"x.zip"}
            raise
        return folder

    return run


def test_the_folder_around_everything_is_left_out(attempt):
    names = {"x/trainA/1.png": b"1", "x/trainB/2005-06-26 14:04:52.png": b"2"}
    clutter = {"__MACOSX/x/._1.png": b"", "x/.DS_Store": b""}
    assert tree(attempt(zip_bytes(names | clutter))) == {"trainA/1.png": b"1", "trainB/2005-06-26 14:04:52.png": b"2"}


def test_an_archive_without_a_folder_around(attempt):
    names = {"trainA/1.png": b"1", "trainB/2.png": b"2"}
    assert tree(attempt(zip_bytes(names))) == names


@pytest.mark.parametrize("name", ["../o.png", "x/../../o.png", "/o.png", "C:/o.png", "c:o.png", "x\\..\\o.png"])
def test_members_that_would_leave_the_folder(attempt, name):
    with pytest.raises(PreparationError, match="was not unpacked because its member"):
        attempt(zip_bytes({"x/trainA/1.png": b"1", name: b"evil"}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices(attempt, kind):
    info = zipfile.ZipInfo("x/trainA")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(PreparationError, match="is a link or a device"):
        attempt(zip_bytes({info: b"/etc"}))


def test_names_that_would_overwrite_each_other(attempt):
    with pytest.raises(PreparationError, match="twice"):
        attempt(zip_bytes({"x/A.png": b"1", "x/a.png": b"2"}))


def test_a_bomb(attempt, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/trainA/1.png", bytes(20 * 2**20))
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(PreparationError, match="far more than pictures"):
        attempt(content)


def test_a_wrong_checksum(attempt):
    content = zip_bytes({"x/trainA/1.png": b"0123456789"})
    with pytest.raises(DamagedArchive, match="damaged at 'x/trainA/1.png'"):
        attempt(content.replace(b"0123456789", b"0123456780", 1))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Log in to the network</html>", zip_bytes({"a": b"b"})[:-9]],
    ids=["empty", "a login page", "cut off"],  # not the bytes: a zip holds the time, so every process would have others
)
def test_no_archive_at_all(attempt, content):
    with pytest.raises(DamagedArchive, match="not an intact zip"):
        attempt(content)


def test_damage_anywhere_is_a_sentence(tmp_path):
    whole = zip_bytes({"x/trainA/1.png": b"0123456789" * 5, "x/trainB/2.png": b"98765"})
    for number, content in enumerate(damaged(whole, 200)):
        folder, path = tmp_path / str(number), tmp_path / "x.zip"
        path.write_bytes(content)
        folder.mkdir()
        try:
            unpack(path, folder)
        except PreparationError as error:
            assert str(error).isprintable() and list(folder.iterdir()) == []
        with contextlib.suppress(PreparationError):
            for _, read in find_files(path, ".*"):
                read()


def test_no_space(attempt, monkeypatch):
    monkeypatch.setattr(archives, "check_space", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        attempt(zip_bytes({"x/trainA/1.png": b"1"}))


def test_files_are_found_in_a_folder_as_in_its_archive(tmp_path):
    names = {"top/train/cat/1.jpg": b"1", "top/train/cat/._1.jpg": b"no", "top/other/2.jpg": b"no"}
    (tmp_path / "x.zip").write_bytes(zip_bytes(names))
    for name, content in names.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for source in ("x.zip", "top", "top/train"):
        found = find_files(tmp_path / source, r"train/(?P<animal>\w+)/(?P<file>[^/]+\.jpg)")
        assert [(match["animal"], match["file"], read()) for match, read in found] == [("cat", "1.jpg", b"1")]
