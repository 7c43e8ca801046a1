"""Features are kept by the files' content, and no trouble with the cache is trouble for the measurement."""

import sys
from pathlib import Path

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.features.extraction import folder_features
from cut.evaluation.features.feature_cache import cache_folder, cached_features, content_hash
from cut.evaluation.features.feature_set import FeatureSet
from tests.evaluation.features.tiny_extractor import Quarters, write_pictures


@pytest.fixture
def pictures(tmp_path):
    write_pictures(tmp_path / "real", 4)
    return tmp_path / "real"


def test_the_second_time_nothing_is_computed(pictures):
    first, second = Quarters(), Quarters()
    made, read = folder_features(first, pictures), folder_features(second, pictures)
    assert (first.described, second.described) == (4, 0)
    assert (made.features == read.features).all()
    assert (made.title, made.sizes, made.content) == (read.title, read.sizes, read.content)


def test_names_do_not_matter_and_contents_do(pictures):
    folder_features(Quarters(), pictures)
    (pictures / "0.png").rename(pictures / "z.png")
    renamed = Quarters()
    folder_features(renamed, pictures)
    assert renamed.described == 0
    write_pictures(pictures, 1, seed=9)
    (pictures / "z.png").unlink()
    changed = Quarters()
    folder_features(changed, pictures)
    assert changed.described == 4


def test_another_extractor_or_preprocessing_is_another_entry(pictures):
    files = sorted(pictures.iterdir())
    made = []

    def features(extractor, preprocessing=""):
        def make():
            made.append((extractor.identity, preprocessing))
            return FeatureSet("Quarters", np.zeros((4, 12), np.float32))

        return cached_features(extractor, files, make, preprocessing)

    for _ in range(2):
        features(Quarters())
        features(Quarters("other weights"))
        features(Quarters(), "middle crop of 256")
    assert made == [("quarters", ""), ("other weights", ""), ("quarters", "middle crop of 256")]


def test_an_entry_can_be_read_by_pytorch_fid_and_is_alone_in_the_folder(pictures, cache):
    made = folder_features(Quarters(), pictures)
    [entry] = cache.iterdir()
    assert (FeatureSet.load(entry).covariance == made.covariance).all()


@pytest.mark.parametrize("damage", [lambda whole: whole[:100], lambda whole: b"", lambda whole: b"x" * 500])
def test_a_damaged_entry_is_made_again(pictures, cache, damage):
    folder_features(Quarters(), pictures)
    [entry] = cache.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    again, after = Quarters(), Quarters()
    folder_features(again, pictures)
    folder_features(after, pictures)
    assert (again.described, after.described) == (4, 0)


def test_an_entry_with_other_shapes_is_made_again(pictures, cache):
    made = folder_features(Quarters(), pictures)
    [entry] = cache.iterdir()
    FeatureSet(made.title, made.features[:3]).save(entry)
    assert folder_features(Quarters(), pictures).count == 4


def test_without_a_place_to_write_the_features_are_computed(pictures, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CUT_CACHE_DIR", str(tmp_path / "file/cache"))
    for _ in range(2):
        extractor = Quarters()
        assert folder_features(extractor, pictures).count == 4
        assert extractor.described == 4


def test_nothing_is_kept_when_that_is_not_wanted(pictures, cache):
    assert folder_features(Quarters(), pictures, keep=False).content == content_hash(sorted(pictures.iterdir()))
    assert not cache.exists()


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(UserError, match="gone.png cannot be read"):
        content_hash([tmp_path / "gone.png"])


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("CUT_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("CUT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "cut"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/cut"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert cache_folder() == tmp_path / "Local/cut"
