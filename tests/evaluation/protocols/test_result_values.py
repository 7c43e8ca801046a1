"""Results keep what their inputs are: the kind of file, the units, the place on earth or in the body."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import rasterio
import tifffile
import torch
from PIL import Image
from rasterio.transform import from_origin

from cut.data.formats.ranges import Scale, as_json
from cut.errors import UserError
from cut.evaluation.protocols import whole_scenes
from cut.evaluation.protocols.dataset_results import translate_dataset
from cut.evaluation.protocols.own_images import translate_files
from cut.evaluation.translate import translator
from cut.evaluation.translate.trained import load_translator
from tests.data.formats.files import AFFINE, dicom, nifti
from tests.evaluation.tiny_run import save_generator, write_image

RNG = np.random.default_rng(0)
PLACE = from_origin(500_000, 7_000_000, 30, 30)


def scale(dtype, low, high, count=1, suffix=".tif"):
    return Scale(f"{low},{high}", (float(low),) * count, (float(high),) * count, dtype, suffix, tuple(range(count)))


@pytest.fixture
def run(workplace):
    """Translate with a tiny generator of so many channels, of a run with these ranges."""

    def translate(channels, ranges, *words, work=translate_files):
        more = [f"--input_nc={channels[0]}", f"--output_nc={channels[1]}"]
        save_generator(Path("checkpoints/tiny"), more)
        Path("checkpoints/tiny/ranges.json").write_bytes(as_json(ranges))
        options = workplace(*more, *words)
        assert work(options) == 0
        return options

    return translate


def geotiff(path, values, nodata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = values.shape[1:]
    shape = {"count": len(values), "height": height, "width": width, "dtype": values.dtype, "nodata": nodata}
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:32621", transform=PLACE, **shape) as file:
        file.write(values)
        file.update_tags(AREA_OR_POINT="Point", STATISTICS_MEAN="3")


def test_a_geotiff_stays_where_it_is_and_keeps_its_gaps(run):
    values = RNG.integers(1, 4000, (2, 21, 18)).astype(np.uint16)
    values[:, :5, :4] = 0
    geotiff(Path("in/deep/a.tif"), values, nodata=0)
    run((2, 3), {"A": scale("uint16", 0, 4000, 2), "B": scale("int16", -100, 500, 3)}, "--input=in", "--output=out")
    assert [path.name for path in Path("out").rglob("*.*")] == ["a.tif"]
    with rasterio.open("out/deep/a.tif") as file:
        made = file.read()
        assert (file.crs.to_epsg(), file.transform, file.nodata, file.count) == (32621, PLACE, 0, 3)
        assert file.tags()["AREA_OR_POINT"] == "Point" and "STATISTICS_MEAN" not in file.tags()
    assert made.dtype == np.int16 and (made[:, :5, :4] == 0).all()
    assert (made == 0).sum() == 3 * 5 * 4  # what has data is never the value that says that there is none
    assert made.min() >= -100 and made.max() <= 500 and made[:, 6:, 6:].std() > 0


def test_a_geotiff_of_8_bits_keeps_its_place_in_a_run_of_pictures(workplace):
    geotiff(Path("in/a.tif"), RNG.integers(0, 255, (3, 20, 24)).astype(np.uint8))
    write_image(Path("in/b.png"), (24, 20))
    assert translate_files(workplace("--input=in", "--output=out")) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.tif", "b.png"]
    with rasterio.open("out/a.tif") as file:
        assert file.transform == PLACE and file.dtypes == ("uint8",) * 3


def test_resized_results_have_larger_pixels_on_the_same_ground(run):
    geotiff(Path("data/testA/a.tif"), RNG.integers(1, 4000, (1, 64, 64)).astype(np.uint16))
    words = ("--dataroot=data", "--load_size=32", "--crop_size=32")
    run((1, 1), {"A": scale("uint16", 0, 4000), "B": scale("uint16", 0, 4000)}, *words, work=translate_dataset)
    with rasterio.open("results/tiny/test_latest/values/fake_B/a.tif") as file:
        assert file.transform == from_origin(500_000, 7_000_000, 60, 60) and file.shape == (32, 32)
    assert Image.open("results/tiny/test_latest/images/fake_B/a.png").size == (32, 32)


def test_dicom_is_marked_as_derived_and_keeps_what_is_true(run):
    for number in range(2):
        dicom(Path(f"{number}.dcm"), RNG.integers(0, 2000, (20, 24)).astype(np.int16), 10.0 * number, number)
    Path("in").mkdir()
    for file in Path().glob("*.dcm"):
        file.rename(Path("in") / file)
    ranges = {"A": scale("int16", -1024, 976, suffix=".dcm"), "B": scale("float32", -0.5, 2.5, suffix=".dcm")}
    options = run((1, 1), ranges, "--input=in", "--output=out")
    first, second = (pydicom.dcmread(f"out/{number}.dcm") for number in range(2))
    source = pydicom.dcmread("in/0.dcm")
    for name in ("PatientID", "StudyInstanceUID", "ImagePositionPatient", "PixelSpacing", "InstanceNumber"):
        assert first[name].value == source[name].value
    assert list(first.ImageType) == ["DERIVED", "SECONDARY"] and "KVP" not in first and "WindowCenter" not in first
    assert first.SOPInstanceUID != source.SOPInstanceUID and first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID != source.SeriesInstanceUID
    assert first.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert first.RescaleSlope == second.RescaleSlope and first.RescaleIntercept == -0.5
    shown = load_translator(options)(stored_as_input(source))[0].numpy()
    physical = first.pixel_array * float(first.RescaleSlope) + float(first.RescaleIntercept)
    assert np.allclose(physical, (shown.clip(-1, 1) + 1) / 2 * 3 - 0.5, atol=1e-4)


def stored_as_input(source):
    values = source.pixel_array.astype(np.float64) - 1024
    scaled = torch.from_numpy(((values + 1024) * (255 / 2000)).astype(np.float32))
    return scaled[None].div(255).sub(0.5).div(0.5)


def test_a_volume_comes_back_as_a_volume_in_its_place(run):
    Path("in").mkdir()
    nifti(Path("in/scan.nii.gz"), RNG.integers(0, 900, (20, 24, 5)).astype(np.int16))
    ranges = {"A": scale("int16", 0, 900, suffix=".nii.gz"), "B": scale("uint16", 0, 4000, suffix=".nii.gz")}
    run((1, 1), ranges, "--input=in/scan.nii.gz", "--output=out/made.nii.gz")
    run((1, 1), ranges, "--input=in", "--output=all", "--num_test=3")
    made = nibabel.load("out/made.nii.gz")
    assert made.shape == (20, 24, 5) and np.allclose(made.affine, AFFINE) and made.get_data_dtype() == np.uint16
    assert b"derived" in made.header["descrip"].item()
    partly = np.asarray(nibabel.load("all/scan.nii.gz").dataobj)
    assert np.array_equal(partly[..., :3], np.asarray(made.dataobj)[..., :3]) and np.ptp(partly[..., 3:]) == 0
    with pytest.raises(UserError, match="is one image, but the input holds 5"):
        run((1, 1), ranges, "--input=in/scan.nii.gz", "--output=out/made.dcm")


@pytest.mark.parametrize("channels", [1, 3])
def test_png_of_16_bits_comes_back_as_such(run, channels):
    import imagecodecs

    Path("in").mkdir()
    shape = (20, 24, 3) if channels == 3 else (20, 24)
    Path("in/a.png").write_bytes(imagecodecs.png_encode(RNG.integers(0, 65536, shape).astype(np.uint16)))
    ranges = {letter: scale("uint16", 0, 65535, channels, ".png") for letter in "AB"}
    run((channels, channels), ranges, "--input=in", "--output=out")
    made = imagecodecs.png_decode(Path("out/a.png").read_bytes())
    assert made.dtype == np.uint16 and made.shape == shape and len(np.unique(made)) > 256


def test_the_kind_of_file_can_be_chosen(run):
    Path("in").mkdir()
    np.save("in/a.npy", RNG.normal(size=(4, 20, 24)).astype(np.float32))
    ranges = {"A": scale("float32", -3, 3, 4, ".npy"), "B": scale("float32", 5, 9, 2, ".npy")}
    for word, name in (("auto", "a.npy"), ("tif", "a.tif"), ("png", "a.png")):
        run((4, 2), ranges, "--input=in", f"--output={word}", f"--output_format={word}")
        assert [path.name for path in Path(word).iterdir()] == [name]
    made = np.load("auto/a.npy")
    assert made.shape == (2, 20, 24) and 5 <= made.min() <= made.max() <= 9
    assert np.array_equal(tifffile.imread("tif/a.tif"), made)


def test_channels_that_are_one_band_become_one_again(run):
    Path("in").mkdir()
    tifffile.imwrite("in/a.tif", RNG.integers(0, 4000, (20, 24)).astype(np.int16))
    grey = Scale("0,4000", (0.0,) * 3, (4000.0,) * 3, "int16", ".tif", (0, 0, 0))
    run((3, 3), {"A": grey, "B": grey}, "--input=in", "--output=out")
    assert tifffile.imread("out/a.tif").shape == (20, 24)


@pytest.mark.parametrize("side", [(180, 150), (181, 147)])
def test_a_scene_from_disk_is_the_scene_from_memory(run, monkeypatch, side):
    """Tiles are blended alike, values and gaps too, whether the scene is in the memory or not."""
    values = RNG.integers(1, 4000, (2, *side)).astype(np.uint16)
    values[:, :30, :40] = 0
    geotiff(Path("in/a.tif"), values, nodata=0)
    ranges = {"A": scale("uint16", 0, 4000, 2), "B": scale("float32", -1, 1, 2)}
    words = ("--input=in", "--tile_size=100")
    run((2, 2), ranges, *words, "--output=memory")
    monkeypatch.setattr(whole_scenes, "LARGEST", 100)
    run((2, 2), ranges, *words, "--output=disk")
    with rasterio.open("memory/a.tif") as expected, rasterio.open("disk/a.tif") as found:
        assert found.transform == PLACE and found.nodata == 0 and found.crs == expected.crs
        pair = [file.read() for file in (found, expected)]
    assert (pair[0][:, :30, :40] == 0).all() and np.array_equal(pair[0] == 0, pair[1] == 0)
    # What fills gaps is the mean of an overview, which is the image itself here.
    assert pair[1].std() > 0.005
    assert np.allclose(pair[0], pair[1], atol=1e-5)


def test_a_scene_needs_as_much_memory_as_a_row_of_tiles(run, monkeypatch):
    """No piece of the result is higher than a tile, whatever the height of the scene."""
    geotiff(Path("in/a.tif"), RNG.integers(1, 4000, (1, 900, 60)).astype(np.uint16))
    monkeypatch.setattr(whole_scenes, "LARGEST", 100)
    heights, rows = [], translator.Translator.rows

    def watched(self, scene, tile=translator.SCENE_TILE):
        for piece in rows(self, scene, tile):
            heights.append(piece.shape[1])
            yield piece

    monkeypatch.setattr(translator.Translator, "rows", watched)
    ranges = {"A": scale("uint16", 0, 4000), "B": scale("uint16", 0, 4000)}
    run((1, 1), ranges, "--input=in", "--output=out", "--tile_size=100")
    assert sum(heights) == 900 and max(heights) <= 144  # the smallest tile


def test_without_rasterio_the_georeference_is_refused_before_the_first_image(run, monkeypatch):
    geotiff(Path("in/a.tif"), RNG.integers(1, 4000, (1, 20, 24)).astype(np.uint16))
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    ranges = {"A": scale("uint16", 0, 4000), "B": scale("uint16", 0, 4000)}
    with pytest.raises(UserError, match=r"georeference, in/a.tif needs rasterio: pip install '\.\[geo\]'"):
        run((1, 1), ranges, "--input=in", "--output=out")
    assert not Path("out").exists()
