"""Pairs: how they are found, split and augmented, and which are refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.halves import Half
from cut.data.images import read_image, to_tensor
from cut.data.loader import make_dataset
from cut.errors import UserError

ALIGNED = ("--model", "pix2pix", "--netG", "unet_128")


def invert(image: Image.Image) -> Image.Image:
    return Image.fromarray(255 - np.asarray(image))


@pytest.fixture
def make_pairs(tmp_path):
    """Pairs whose right picture is the negative of the left one, in one of the two forms."""

    def make(form, phase="train", count=4, size=(40, 32)):
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            left = Image.fromarray(pixels)
            if form == "files":
                (tmp_path / phase).mkdir(exist_ok=True)
                both = Image.new("RGB", (2 * size[0], size[1]))
                both.paste(left, (0, 0))
                both.paste(invert(left), (size[0], 0))
                both.save(tmp_path / phase / f"{number}.png")
                continue
            for side, image in (("A", left), ("B", invert(left))):
                (tmp_path / f"{phase}{side}").mkdir(exist_ok=True)
                image.save(tmp_path / f"{phase}{side}" / f"{number}.png")
        return tmp_path

    return make


def samples(dataset, epochs=3):
    return [dataset[epoch, index] for epoch in range(1, epochs + 1) for index in dataset.order(epoch)]


@pytest.mark.parametrize("form", ["files", "folders"])
@pytest.mark.parametrize("words", ["crop", "none", "zoom_and_crop", "patch", "trim"])
def test_both_images_of_a_pair_get_the_same_crop_and_flip(make_pairs, train, form, words):
    dataset = make_dataset(train(make_pairs(form), *ALIGNED, "--preprocess", words))
    seen = samples(dataset)
    for sample in seen:
        torch.testing.assert_close(sample.target, -sample.source, atol=1 / 64, rtol=0)  # zoom rounds twice
    assert len({sample.source.numpy().tobytes() for sample in seen}) > 4  # chance has acted


def test_scaling_keeps_a_pair_together(make_pairs, train):
    for sample in samples(make_dataset(train(make_pairs("files"), *ALIGNED))):
        torch.testing.assert_close(sample.target, -sample.source, atol=2 / 64, rtol=0)


def test_both_forms_give_the_same_samples(make_pairs, train):
    files = make_dataset(train(make_pairs("files"), *ALIGNED))
    files.root.joinpath("train").rename(files.root / "elsewhere")  # files are taken where both forms are there
    folders = make_dataset(train(make_pairs("folders"), *ALIGNED))
    files.root.joinpath("elsewhere").rename(files.root / "train")
    assert (files.source.half, folders.source.half) == (Half.LEFT, None)
    for one, other in zip(samples(files), samples(folders), strict=True):
        assert torch.equal(one.source, other.source) and torch.equal(one.target, other.target)


@pytest.mark.parametrize("form", ["files", "folders"])
def test_the_direction_swaps_the_images_and_nothing_else(make_pairs, train, form):
    root = make_pairs(form)
    forward, backward = (make_dataset(train(root, *ALIGNED, "--direction", way)) for way in ("AtoB", "BtoA"))
    for one, other in zip(samples(forward), samples(backward), strict=True):
        assert torch.equal(one.source, other.target) and torch.equal(one.target, other.source)
    assert forward.fingerprint() != backward.fingerprint() and forward.letters == ("A", "B")


def test_every_pair_comes_once_an_epoch_in_an_order_of_its_own(make_pairs, train):
    dataset = make_dataset(train(make_pairs("files", count=9), *ALIGNED))
    orders = [dataset.order(epoch).tolist() for epoch in (1, 2)]
    assert len(dataset) == 9 and all(sorted(order) == list(range(9)) for order in orders) and orders[0] != orders[1]
    again = make_dataset(train(dataset.root, *ALIGNED))
    again[2, 3], again[1, 0]
    assert torch.equal(again[1, 5].source, dataset[1, 5].source)
    assert len(make_dataset(train(dataset.root, *ALIGNED, "--max_dataset_size", "4"))) == 4


def test_a_file_of_odd_width_is_split_before_its_middle_column(tmp_path, train):
    (tmp_path / "train").mkdir()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 51, 3), dtype=np.uint8))
    image.save(tmp_path / "train/0.png")
    dataset = make_dataset(train(tmp_path, *ALIGNED, "--preprocess", "crop", "--crop_size", "24", "--no_flip"))
    whole = to_tensor(image, 3)
    for epoch in range(1, 12):
        left = next(x for x in range(2) if torch.equal(dataset[epoch, 0].source, whole[:, :, x : x + 24]))
        assert torch.equal(dataset[epoch, 0].target, whole[:, :, 25 + left : 49 + left])
    assert Half.LEFT.size((51, 24)) == (25, 24) and Half.RIGHT.size((51, 24)) == (26, 24)
    scaled = make_dataset(train(tmp_path, *ALIGNED, "--preprocess", "scale_width_and_crop"))
    assert all(dataset.target.min() >= -1 for dataset in samples(scaled))
    assert scaled[1, 0].source.shape == scaled[1, 0].target.shape


def test_grey_and_colour_may_be_in_one_file(make_pairs, train):
    sample = make_dataset(train(make_pairs("files"), *ALIGNED, "--input_nc", "1", "--preprocess", "none"))[1, 0]
    assert sample.source.shape == (1, 32, 40) and sample.target.shape == (3, 32, 40)


@pytest.mark.parametrize("form", ["files", "folders"])
def test_testing_falls_back_to_val_and_reads_in_order(make_pairs, test, form):
    dataset = make_dataset(test(make_pairs(form, "val"), *ALIGNED, "--preprocess", "none"))
    assert dataset.order(1).tolist() == [0, 1, 2, 3] and dataset.source.folder.name in ("val", "valA")
    for index, file in enumerate(dataset.source.files):
        left = read_image(file, 3)
        left = left.crop((0, 0, 40, 32)) if form == "files" else left
        assert torch.equal(dataset[1, index].source, to_tensor(left, 3))
        assert torch.equal(dataset[1, index].target, to_tensor(invert(left), 3))


def test_testing_needs_no_targets(make_images, test):
    assert make_dataset(test(make_images({"testA": 2}), *ALIGNED))[1, 1].target is None


def test_other_splits_are_found_in_either_form(make_pairs, train):
    root = make_pairs("files")
    dataset = make_dataset(train(root, *ALIGNED, "--direction", "BtoA"))
    assert dataset.split("val")[0].files == () and len(dataset.split("train")[1].files) == 4
    make_pairs("folders", "val", count=2)
    source, target = dataset.split("val")
    assert source.folder == root / "valB" and target.half is None and len(target.files) == 2
    make_pairs("files", "val", count=3)
    source, target = dataset.split("val", limit=2)
    assert source.folder == target.folder == root / "val" and (source.half, target.half) == (Half.RIGHT, Half.LEFT)
    assert source.files == target.files == (root / "val/0.png", root / "val/1.png")


# ------------------------------------------------------------------ what is refused


def refused(options) -> str:
    with pytest.raises(UserError) as error:
        make_dataset(options)
    assert len(error.value.problems) == 1
    return str(error.value)


def test_no_pairs_at_all(make_images, train, tmp_path):
    assert "There is no folder" in refused(train(tmp_path / "none", *ALIGNED))
    said = refused(train(make_images({"x": 1}), *ALIGNED))
    assert "holds no pairs of phase train: put files with A left and B right into train, or" in said


def test_names_without_a_partner(make_images, train):
    said = refused(train(make_images({"trainA": 3, "trainB": 2}), *ALIGNED))
    assert "1 image of" in said and "has no partner of the same name in the other folder" in said
    assert "trainA/002.png): remove or rename it, or use" in said


def test_two_images_of_one_name_have_no_single_partner(make_images, train):
    root = make_images({"trainA": 2, "trainB": 2})
    (root / "trainA/001.png").rename(root / "trainA/000.jpg")
    assert "2 images of" in refused(train(root, *ALIGNED))


def test_images_of_a_pair_must_be_of_one_size(make_images, train):
    root = make_images({"trainA": 2})
    make_images({"trainB": 2}, size=(16, 20))
    said = refused(train(root, *ALIGNED))
    assert "The images of a pair must be of one size, but 2 of 2 pairs have two sizes" in said


def test_halves_that_are_too_small_are_named_once(make_pairs, train):
    said = refused(train(make_pairs("files", count=1), *ALIGNED, "--preprocess", "crop", "--crop_size", "36"))
    assert "0.png holds two images, of which one is 40×32 pixels, smaller than --crop_size 36" in said


def test_a_damaged_file_is_named_once(make_pairs, train):
    root = make_pairs("files")
    (root / "train/2.png").write_bytes(b"no picture")
    assert "train/2.png" in refused(train(root, *ALIGNED))
