"""Which files are read how: PNG, TIFF, NumPy, DICOM and NIfTI, each made by its own library."""

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from cut.data.formats.kinds import expand, header_of, load
from cut.data.formats.stored import How
from cut.data.loader import make_dataset
from cut.errors import UserError
from tests.data.formats.files import dicom, nifti

RNG = np.random.default_rng(0)
WAY = ("--preprocess", "none", "--no_flip", "--input_nc", "1", "--output_nc", "1")


def test_pictures_are_left_to_pillow(tmp_path):
    for name, mode in (("a.png", "RGB"), ("b.png", "L"), ("c.tif", "RGB"), ("d.tif", "RGBA"), ("e.jpg", "RGB")):
        Image.new(mode, (5, 4)).save(tmp_path / name)
        assert header_of(tmp_path / name, How()) is None


def test_png_of_16_bits_in_colour_is_read_at_full_precision(tmp_path):
    import imagecodecs

    values = RNG.integers(0, 65536, (6, 5, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(values))
    assert header_of(tmp_path / "a.png", How()).size == (5, 6)
    assert np.array_equal(load(tmp_path / "a.png", How()).values, np.moveaxis(values, -1, 0))


def test_deep_grey_pictures_give_the_published_tensors(tmp_path, train):
    """Beside pictures of 8 bits Pillow reads them, alone the readers of this package do: to the bit the same."""
    for side in "AB":
        (tmp_path / f"train{side}").mkdir()
        for number in range(2):
            values = RNG.integers(0, 65536, (24, 20)).astype(np.uint16)
            Image.fromarray(values).save(tmp_path / f"train{side}/{number}.png")
    words = ("--load_size", "18", "--crop_size", "16", "--serial_batches")
    deep = make_dataset(train(tmp_path, *words))
    samples = [deep[1, index] for index in range(2)]
    Image.new("L", (20, 24)).save(tmp_path / "trainA/2.png")
    mixed = make_dataset(train(tmp_path, *words))
    assert set(deep.scales) == {"A", "B"} and set(mixed.scales) == {"B"}
    for index, sample in enumerate(samples):
        assert sample.source.equal(mixed[1, index].source)


def test_pages_are_dropped_or_bands(tmp_path):
    pages = RNG.integers(0, 4000, (3, 6, 5)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert header_of(tmp_path / "a.tif", How()).dropped == 2
    assert np.array_equal(load(tmp_path / "a.tif", How(pages="bands")).values, pages)


@pytest.mark.parametrize("shape", [(6, 5), (4, 6, 5), (6, 5, 4)])
def test_arrays_of_every_layout(tmp_path, shape):
    values = RNG.normal(size=shape).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "a.npz", values)
    expected = values[None] if len(shape) == 2 else values if shape[0] == 4 else np.moveaxis(values, -1, 0)
    for name in ("a.npy", "a.npz"):
        assert np.array_equal(load(tmp_path / name, How()).values, expected)


def test_dicom_is_rescaled_and_its_series_sorted_by_position(tmp_path):
    stored = RNG.integers(0, 2000, (3, 6, 5)).astype(np.int16)
    for number, position in enumerate((20.0, 0.0, 10.0)):
        dicom(tmp_path / f"{number}.dcm", stored[number], position, number)
    order = expand(sorted(tmp_path.glob("*.dcm")), How(), 99)
    assert [file.name for file in order] == ["1.dcm", "2.dcm", "0.dcm"]
    loaded = load(order[0], How())
    assert loaded.values.dtype == np.int16 and np.array_equal(loaded.values[0], stored[1] - 1024)


def test_frames_of_dicom_are_images(tmp_path):
    stored = RNG.integers(0, 2000, (4, 6, 5)).astype(np.uint16)
    dicom(tmp_path / "a.dcm", stored, 0.0, 1, intercept=0)
    slices = expand([tmp_path / "a.dcm"], How(), 99)
    assert len(slices) == 4 and np.array_equal(load(slices[2], How()).values[0], stored[2])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_volumes_are_slices_along_an_axis(tmp_path, axis):
    volume = RNG.integers(-100, 900, (4, 5, 6)).astype(np.int16)
    nifti(tmp_path / "scan.nii.gz", volume)
    slices = expand([tmp_path / "scan.nii.gz"], How(slice_axis=axis), 99)
    assert len(slices) == volume.shape[axis]
    shown = load(slices[1], How(slice_axis=axis)).values[0]
    assert np.array_equal(shown, np.take(volume, 1, axis).T[::-1])


def test_slices_of_one_scan_are_scaled_alike(tmp_path, train):
    for side in "AB":
        (tmp_path / f"train{side}").mkdir()
        nifti(tmp_path / f"train{side}/scan.nii.gz", RNG.integers(0, 900, (4, 5, 6)).astype(np.int16))
    dataset = make_dataset(train(tmp_path, *WAY, "--max_dataset_size", "5"))
    assert len(dataset) == 5 and dataset.scales["A"].rule == "percentile:0,100"
    sample = dataset[1, 3]
    assert sample.source_path.endswith("scan.nii.gz/slice_0003") and sample.source.shape == (1, 4, 4)


def bad(tmp_path, make):
    for side in "AB":
        (tmp_path / f"train{side}").mkdir(exist_ok=True)
        make(tmp_path / f"train{side}")
    return tmp_path


def test_volumes_of_four_dimensions_are_refused(tmp_path, train):
    root = bad(tmp_path, lambda folder: nifti(folder / "a.nii", np.zeros((4, 5, 6, 7), np.int16)))
    with pytest.raises(UserError, match=r"a.nii has 4 dimensions, 4×5×6×7: give volumes of 3"):
        make_dataset(train(root, *WAY))


def test_dicom_without_pixels_is_refused(tmp_path, train):
    def make(folder):
        dicom(folder / "a.dcm", np.zeros((6, 5), np.uint16), 0.0, 1)
        data = pydicom.dcmread(folder / "a.dcm")
        for name in ("PixelData", "Rows", "Columns"):
            del data[name]
        data.save_as(folder / "a.dcm")

    with pytest.raises(UserError, match="a.dcm is DICOM without pixel data"):
        make_dataset(train(bad(tmp_path, make), *WAY))


def test_a_missing_codec_is_named(tmp_path, train, monkeypatch):
    def make(folder):
        tifffile.imwrite(folder / "a.tif", RNG.integers(0, 9, (16, 16)).astype(np.int16), compression="lzw")

    def missing(*_, **__):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    root = bad(tmp_path, make)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", missing)
    with pytest.raises(UserError, match=r"a.tif is compressed with a codec that is not installed .*'\.\[codecs\]'"):
        make_dataset(train(root, *WAY))


def test_a_missing_library_is_named(tmp_path, train, monkeypatch):
    root = bad(tmp_path, lambda folder: nifti(folder / "a.nii", np.zeros((4, 5, 6), np.int16)))
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(UserError, match=r"a.nii needs nibabel: pip install '\.\[medical\]'"):
        make_dataset(train(root, *WAY))


def test_a_tiff_that_was_cut_off_is_found_before_the_first_step(tmp_path, train):
    def make(folder):
        tifffile.imwrite(folder / "a.tif", RNG.integers(0, 9, (3, 64, 64)).astype(np.uint16), photometric="minisblack",
                         planarconfig="separate")  # fmt: skip
        content = (folder / "a.tif").read_bytes()
        (folder / "a.tif").write_bytes(content[: len(content) // 2])

    with pytest.raises(UserError, match="a.tif cannot be read .*it ends before its pixels do"):
        make_dataset(train(bad(tmp_path, make), "--preprocess", "none"))


def test_series_with_nibabel_units_are_physical(tmp_path):
    """The header's slope and intercept are applied."""
    image = nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii")
    slices = expand([tmp_path / "a.nii"], How(), 99)
    expected = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj)[:, :, 2].T[::-1]
    assert np.allclose(load(slices[2], How()).values[0], expected)
