"""Folders appear whole or not at all."""

import errno

import pytest
from common import appearing_whole, explain_os_error
from making import tree


def test_a_folder_appears_only_when_complete(tmp_path):
    with appearing_whole(tmp_path / "deep" / "new") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "new").exists()
    assert tree(tmp_path) == {"deep/new/a": b"1"}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_what_was_there_stays_after_an_error(tmp_path, error):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a").write_text("1")
    with pytest.raises(type(error)), appearing_whole(tmp_path / "old") as folder:
        (folder / "a").write_text("2")
        raise error
    assert tree(tmp_path) == {"old/a": b"1"} and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_one_sentence():
    sentence = explain_os_error(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
    assert sentence.startswith("The disk is full at '/data/x'") and sentence.endswith("run the same command again.")


def test_folders_around_it_go_with_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), appearing_whole(tmp_path / "deep" / "new"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
