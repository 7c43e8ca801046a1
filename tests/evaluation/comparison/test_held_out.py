"""Held-out images: which ones, and what is done to them."""

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.images import read_image
from cut.data.loader import make_dataset
from cut.errors import UserError
from cut.evaluation.comparison.held_out import as_picture, held_out
from cut.options import test_options, train_options
from tests.evaluation.tiny_run import write_image


@pytest.fixture
def data(tmp_path):
    for side in ("trainA", "trainB"):
        write_image(tmp_path / side / "0.png", (40, 36))
    return tmp_path


def fill(data, *sides, count=2, size=(40, 24)):
    for seed, side in enumerate(sides):
        for number in range(count):
            write_image(data / side / f"{number}.png", size, seed=10 * seed + number)


def make(data, *arguments):
    words = ["--dataroot", str(data), "--name", "run", "--load_size", "20", "--crop_size", "16", *arguments]
    options = train_options(words)
    return held_out(options, make_dataset(options))


def test_val_is_taken_and_else_test(data):
    fill(data, "testA", "testB")
    assert make(data).split == "test"
    fill(data, "valA")  # one side alone is nothing to compare
    assert make(data).split == "test"
    fill(data, "valB")
    found = make(data)
    assert found.split == "val" and found.source.folder == data / "valA" and found.target.folder == data / "valB"
    assert [file.name for file in found.source.files] == ["0.png", "1.png"]


def test_the_direction_says_which_side_is_translated(data):
    fill(data, "valA", "valB")
    found = make(data, "--direction", "BtoA")
    assert found.source.folder == data / "valB" and found.target.folder == data / "valA"


@pytest.mark.parametrize(
    ("sides", "count", "said"),
    [
        ([], 0, "has no valA and valB or testA and testB with at least 2 images each: put"),
        (["valA", "valB"], 1, "(valA holds one image, valB holds one image): put"),
        (["testA"], 2, "has no valA and valB or testA and testB with at least 2 images each: put"),
    ],
)
def test_what_is_missing_is_said(data, sides, count, said):
    fill(data, *sides, count=count)
    with pytest.raises(UserError) as error:
        make(data)
    assert said in str(error.value) and len(error.value.problems) == 1


def test_an_empty_folder_is_named(data):
    fill(data, "valA")
    (data / "valB").mkdir()
    with pytest.raises(UserError, match=r"\(valB holds no images\)"):
        make(data)


def test_the_number_of_images_can_be_limited(data):
    fill(data, "valA", "valB", count=5)
    found = make(data, "--evaluation_images", "3", "--max_dataset_size", "1")
    assert len(found.source) == len(found.target) == 3


def test_a_damaged_image_is_named(data):
    fill(data, "valA", "valB")
    (data / "valB/1.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="valB/1.png"):
        make(data)


# ------------------------------------------------------------------ pairs


def test_equal_names_and_sizes_make_pairs(data):
    fill(data, "valA", "valB")
    assert make(data).pairs
    (data / "valB/1.png").rename(data / "valB/1.jpg")  # what Pillow reads goes by the content
    assert make(data).pairs
    (data / "valB/1.jpg").rename(data / "valB/2.png")
    assert not make(data).pairs


def test_equal_names_of_unequal_sizes_are_chance(data):
    fill(data, "valA")
    fill(data, "valB", size=(24, 40))
    assert not make(data).pairs


def test_a_surplus_on_one_side_makes_no_pairs(data):
    fill(data, "valA")
    fill(data, "valB", count=3)
    assert not make(data).pairs and len(make(data).target) == 3


def test_halves_of_one_file_are_pairs_and_measured_apart(data):
    write_image(data / "train/0.png", (80, 36))
    fill(data, "val", size=(80, 24))
    words = ["--model", "pix2pix", "--direction", "BtoA", "--preprocess", "none"]
    found = make(data, *words)
    pixels = np.asarray(Image.open(data / "val/1.png"))
    assert found.pairs and found.source.folder == found.target.folder == data / "val"
    assert np.array_equal(found.source.pixels(1), pixels[:, 40:])
    assert np.array_equal(found.target.pixels(1), pixels[:, :40])
    assert found.source.recipe != found.target.recipe
    (data / "val/1.png").unlink()
    with pytest.raises(UserError, match=r"has no val or testB and testA with .* each \(val holds one image\): put"):
        make(data, *words)


# ------------------------------------------------------------------ preprocessing


def test_images_are_scaled_to_the_crop_as_in_the_decay_phase_and_the_papers_protocol(data):
    """What test.py makes of them with load_size = crop_size, to the bit."""
    fill(data, "valA", "valB")
    words = ["--dataroot", str(data), "--phase", "val", "--name", "run", "--load_size", "16", "--crop_size", "16"]
    tested = make_dataset(test_options(words))[1, 1]
    found = make(data)
    assert torch.equal(found.source.tensor(1), tested.source) and torch.equal(found.target.tensor(1), tested.target)


def test_crops_come_from_the_middle_and_nothing_is_flipped(data):
    fill(data, "valA", "valB")
    pixels = make(data, "--preprocess", "crop").source.pixels(0)
    assert np.array_equal(pixels, np.asarray(Image.open(data / "valA/0.png"))[4:20, 12:28])
    whole = make(data, "--preprocess", "none").source.pixels(0)
    assert np.array_equal(whole, np.asarray(Image.open(data / "valA/0.png")))
    zoomed = make(data, "--preprocess", "zoom_and_crop").source.pixels(0)
    assert np.array_equal(zoomed, pixels)


def test_images_too_small_for_the_crop_are_named(data):
    fill(data, "valA", "valB", size=(40, 12))
    with pytest.raises(UserError, match="valA/0.png is 40×12 pixels"):
        make(data, "--preprocess", "crop")


def test_gray_images_become_pictures_of_three_equal_channels(data):
    fill(data, "valA", "valB")
    found = make(data, "--output_nc", "1", "--nce_idt", "false", "--preprocess", "none")
    pixels = found.target.pixels(0)
    assert found.target.tensor(0).shape == (1, 24, 40) and pixels.shape == (24, 40, 3)
    assert np.array_equal(pixels[..., 0], np.asarray(read_image(data / "valB/0.png", 1)))
    assert (pixels == pixels[..., :1]).all()


def test_the_recipe_names_what_changes_pixels_and_nothing_else(data):
    fill(data, "valA", "valB")
    recipe = make(data).target.recipe
    assert recipe == make(data, "--load_size", "24", "--no_flip", "--random_scale_max", "2").target.recipe
    for change in (["--crop_size", "12"], ["--preprocess", "crop"], ["--alpha_background", "black"]):
        assert make(data, *change).target.recipe != recipe


def test_translations_are_rounded_as_saved_files_are():
    image = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])[None, None]
    assert as_picture(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
