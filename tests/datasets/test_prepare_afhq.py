"""cat2dog from AFHQ's archive or folder."""

import collections
import zipfile

import prepare_afhq
import pytest
from common import PreparationError
from making import run_script, tree, zip_bytes

AFHQ = {
    f"afhq/{phase}/{animal}/{animal}_{number}.jpg": f"{phase} {animal} {number}".encode()
    for phase, count in (("train", 3), ("val", 2))
    for animal in ("cat", "dog", "wild")
    for number in range(count)
}


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "afhq.zip"
    path.write_bytes(zip_bytes(AFHQ))
    return path


def test_cats_are_a_and_dogs_b(run_main, archive, tmp_path):
    run_main(prepare_afhq, archive, "--output", tmp_path / "cat2dog")
    files = tree(tmp_path / "cat2dog")
    counts = collections.Counter(name.split("/")[0] for name in files.keys() - {"about.txt"})
    assert counts == {"trainA": 3, "trainB": 3, "testA": 2, "testB": 2}
    assert files["trainA/cat_2.jpg"] == b"train cat 2" and files["testB/dog_0.jpg"] == b"val dog 0"
    assert not any("wild" in name for name in files)


def test_an_unpacked_folder_and_version_2_give_the_same(run_main, archive, tmp_path):
    zipfile.ZipFile(archive).extractall(tmp_path)
    (tmp_path / "afhq/val").rename(tmp_path / "afhq/test")
    run_main(prepare_afhq, archive, "--output", tmp_path / "one")
    run_main(prepare_afhq, tmp_path / "afhq", "--output", tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_what_is_missing_is_named(run_main, archive, tmp_path):
    archive.write_bytes(zip_bytes({name: content for name, content in AFHQ.items() if "val/dog" not in name}))
    with pytest.raises(PreparationError, match="holds no pictures for testB"):
        run_main(prepare_afhq, archive, "--output", tmp_path / "cat2dog")
    assert [path.name for path in tmp_path.iterdir()] == ["afhq.zip"]


def test_a_folder_of_ones_own_is_never_overwritten(run_main, archive, tmp_path):
    (tmp_path / "cat2dog").mkdir()
    (tmp_path / "cat2dog/mine.txt").write_text("mine")
    with pytest.raises(PreparationError, match="--force"):
        run_main(prepare_afhq, archive, "--output", tmp_path / "cat2dog")
    assert tree(tmp_path / "cat2dog") == {"mine.txt": b"mine"}


def test_no_such_archive_ends_in_one_sentence(tmp_path):
    result = run_script("prepare_afhq.py", tmp_path / "nothing.zip", "--output", tmp_path / "out")
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and "There is no" in result.stderr
