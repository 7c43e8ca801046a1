"""Cityscapes from its two archives, or from the folders they were unpacked to."""

import io
import zipfile

import prepare_cityscapes
import pytest
from common import PreparationError
from making import picture, run_script, tree, zip_bytes
from PIL import Image

FRAMES = ("train/aachen/aachen_000000_000019", "train/bochum/bochum_000000_000313", "val/lindau/lindau_000000_000019")
PHOTOS = {f"leftImg8bit/{frame}_leftImg8bit.png": picture((512, 256), (90, 100, 90)) for frame in FRAMES}
LABELS = {f"gtFine/{frame}_gtFine_color.png": picture((512, 256), (128, 64, 128)) for frame in FRAMES}
CLUTTER = {f"gtFine/{frame}_gtFine_labelIds.png": b"" for frame in FRAMES}


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "gtFine.zip").write_bytes(zip_bytes(LABELS | CLUTTER))
    (tmp_path / "leftImg8bit.zip").write_bytes(zip_bytes(PHOTOS))
    return tmp_path


@pytest.fixture
def prepare(run_main, sources):
    def run(suffix=".zip", output="out"):
        paths = [part for name in ("gtFine", "leftImg8bit") for part in (f"--{name}", sources / (name + suffix))]
        run_main(prepare_cityscapes, *paths, "--output", sources / output)
        return sources / output

    return run


def test_photographs_are_a_and_labels_b(prepare):
    files = tree(prepare())
    names = {"train": ["aachen_000000_000019.jpg", "bochum_000000_000313.jpg"], "val": ["lindau_000000_000019.jpg"]}
    expected = {f"{phase}{side}/{name}" for phase in names for side in "AB" for name in names[phase]}
    assert files.keys() == expected | {"about.txt"}
    for name, colour in (("trainA", (90, 100, 90)), ("trainB", (128, 64, 128))):
        image = Image.open(io.BytesIO(files[f"{name}/aachen_000000_000019.jpg"]))
        assert (image.format, image.size) == ("JPEG", (256, 256))
        assert all(abs(a - b) <= 2 for a, b in zip(image.getpixel((100, 100)), colour, strict=True))


def test_unpacked_folders_give_the_same(prepare, sources):
    for name in ("gtFine", "leftImg8bit"):
        zipfile.ZipFile(sources / f"{name}.zip").extractall(sources)
    assert tree(prepare()) == tree(prepare(suffix="", output="other"))


def test_a_photograph_without_its_label(prepare, sources):
    (sources / "gtFine.zip").write_bytes(zip_bytes(dict(list(LABELS.items())[1:])))
    with pytest.raises(PreparationError, match="1 of the pictures has no partner .* train/aachen_000000_000019"):
        prepare()


def test_a_damaged_picture_is_named_and_nothing_is_left(prepare, sources):
    (sources / "gtFine.zip").write_bytes(zip_bytes({name: content[:60] for name, content in LABELS.items()}))
    with pytest.raises(PreparationError, match="Picture train/aachen_000000_000019 of side B is damaged"):
        prepare()
    assert {path.name for path in sources.iterdir()} == {"gtFine.zip", "leftImg8bit.zip"}


def test_swapped_sources_end_in_one_sentence(sources):
    swapped = ["--gtFine_dir", sources / "leftImg8bit.zip", "--leftImg8bit_dir", sources / "gtFine.zip"]
    result = run_script("prepare_cityscapes.py", *swapped, "--output_dir", sources / "out")
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and "holds no train/aachen" in result.stderr
