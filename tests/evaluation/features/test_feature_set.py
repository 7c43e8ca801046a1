"""Statistics in memory, in our files, and in pytorch-fid's."""

import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from pytorch_fid.fid_score import compute_statistics_of_path

from cut.errors import UserError
from cut.evaluation.features.feature_set import FeatureSet, describe_sizes
from cut.evaluation.measures.frechet import frechet_distance


@pytest.fixture
def some():
    values = np.random.default_rng(0).normal(size=(10, 16)).astype(np.float32)
    return FeatureSet("Inception", values, "mixed, 4×4 to 9×9", "abc")


@pytest.mark.parametrize("count", [3, 16, 40])
def test_mean_and_covariance_are_numpys_in_double_precision(count):
    values = np.random.default_rng(0).normal(5, 1, size=(count, 16)).astype(np.float32)
    one = FeatureSet("Inception", values)
    np.testing.assert_allclose(one.mean, values.astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(one.covariance, np.cov(values.astype(float), rowvar=False), atol=1e-12)
    given = FeatureSet("Inception", None, statistics=(one.mean, one.covariance))
    assert one.variance == pytest.approx(np.trace(one.covariance)) and given.variance == pytest.approx(one.variance)


def test_a_file_gives_back_what_was_saved(some, tmp_path):
    some.save(tmp_path / "some.npz")
    read = FeatureSet.load(tmp_path / "some.npz")
    assert (read.features == some.features).all() and read.features.dtype == np.float32
    assert (read.title, read.sizes, read.content, read.count) == ("Inception", "mixed, 4×4 to 9×9", "abc", 10)


def test_pytorch_fid_reads_our_file(some, tmp_path):
    some.save(tmp_path / "some.npz")
    mean, covariance = compute_statistics_of_path(str(tmp_path / "some.npz"), None, 50, 2048, "cpu")
    np.testing.assert_array_equal(mean, some.mean)
    np.testing.assert_array_equal(covariance, some.covariance)


def test_we_read_pytorch_fids_file(some, tmp_path):
    np.savez_compressed(tmp_path / "theirs.npz", mu=some.mean, sigma=some.covariance)  # as save_fid_stats does
    read = FeatureSet.load(tmp_path / "theirs.npz")
    assert read.features is None and read.count is None and read.sizes == "unknown" and read.title == "Inception"
    assert frechet_distance(read, some) == pytest.approx(0, abs=1e-6)


def test_statistics_without_features_are_saved_again(some, tmp_path):
    FeatureSet("Inception", None, statistics=(some.mean, some.covariance)).save(tmp_path / "again.npz")
    np.testing.assert_array_equal(FeatureSet.load(tmp_path / "again.npz").covariance, some.covariance)


@pytest.mark.parametrize(
    "arrays",
    [
        {"a": np.zeros(3)},
        {"mu": np.zeros(3), "sigma": np.zeros((3, 4))},
        {"mu": np.zeros(3), "sigma": np.full((3, 3), np.nan)},
        {"mu": np.zeros(3), "sigma": np.eye(3), "features": np.zeros((5, 4), np.float32)},
        {"mu": np.array(["a", "b"]), "sigma": np.eye(2)},
        {"mu": np.array([None, 1]), "sigma": np.eye(2)},  # which only unpickling could read
    ],
)
def test_a_file_of_something_else_is_named(arrays, tmp_path):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(UserError, match="other.npz .*make it again"):
        FeatureSet.load(tmp_path / "other.npz")


def test_damaged_and_missing_files_are_named(some, tmp_path):
    some.save(tmp_path / "some.npz")
    whole = (tmp_path / "some.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for content in (whole[: len(whole) // 2], bytes(flipped), b"", b"no zip"):
        (tmp_path / "some.npz").write_bytes(content)
        with pytest.raises(UserError, match="some.npz cannot be read") as problem:
            FeatureSet.load(tmp_path / "some.npz")
        assert "pickle" not in str(problem.value)
    with pytest.raises(UserError, match="There is no file"):
        FeatureSet.load(tmp_path / "none.npz")


def claiming(path, shape, name="mu", compression=zipfile.ZIP_STORED, content=b""):
    """An archive whose array has a header of this shape, and this content."""
    header = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)


@pytest.mark.parametrize("shape", [(10**10,), (10**5, 10**5), (10**30,), (-1,), (2**62, 4), ("a",), 7])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["mu", "features", "title"])
def test_a_header_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path, shape, compression, name):
    claiming(tmp_path / "some.npz", shape, name, compression, b"\0" * 1000)
    tracemalloc.start()
    with pytest.raises(
        UserError, match=r"some.npz cannot be read as statistics of images .*; make it again.$"
    ) as error:
        FeatureSet.load(tmp_path / "some.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**22 and "\n" not in str(error.value)
    tracemalloc.stop()


def test_other_arrays_in_the_file_are_not_read(some, tmp_path):
    np.savez(tmp_path / "a.npz", mu=some.mean, sigma=some.covariance, other=np.array([None]))
    assert np.array_equal(FeatureSet.load(tmp_path / "a.npz").mean, some.mean)
    np.savez_compressed(tmp_path / "a.npz", mu=some.mean, sigma=some.covariance)
    assert np.array_equal(FeatureSet.load(tmp_path / "a.npz").mean, some.mean)
    np.savez(tmp_path / "a.npz", mu=some.mean, sigma=some.covariance, title=np.array(["a", "b"]))
    with pytest.raises(UserError, match="its texts are something else"):
        FeatureSet.load(tmp_path / "a.npz")


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "some.npz")
    with pytest.raises(UserError, match="some.npz is a named pipe"):
        FeatureSet.load(tmp_path / "some.npz")


def test_sizes_in_words():
    assert describe_sizes([(256, 128), (256, 128)]) == "256×128"
    assert describe_sizes([(600, 600), (120, 80), (300, 10)]) == "mixed, 300×10 to 600×600"
    assert describe_sizes([]) == "unknown"
