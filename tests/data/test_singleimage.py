"""Crops of two pictures."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.images import read_image, to_tensor
from cut.data.loader import make_dataset
from cut.errors import UserError

WAY = ("--dataset_mode", "singleimage", "--preprocess", "zoom_and_patch", "--no_flip")


def test_an_epoch_has_100_000_crops_or_fewer(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1}, size=(50, 40))
    assert len(make_dataset(train(root, *WAY))) == 100_000
    dataset = make_dataset(train(root, *WAY, "--max_dataset_size", "32"))
    assert len(dataset) == 32
    assert dataset[1, 31].source.shape == dataset[1, 31].target.shape == (3, 12, 12)


def test_crops_depend_on_seed_epoch_and_index_alone(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1}, size=(50, 40))
    dataset = make_dataset(train(root, *WAY))
    crops = {(epoch, index): dataset[epoch, index].source for epoch in (1, 2) for index in (0, 7, 99_999)}
    again = pickle.loads(pickle.dumps(make_dataset(train(root, *WAY))))
    assert all(torch.equal(again[key].source, crop) for key, crop in reversed(crops.items()))
    assert len({crop.numpy().tobytes() for crop in crops.values()}) == len(crops)


def test_patches_of_one_batch_rarely_coincide(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1}, size=(60, 48))  # without zoom: 5 × 4 patches
    dataset = make_dataset(train(root, *WAY, "--random_scale_max", "1"))
    crops = Counter(dataset[1, index].source.numpy().tobytes() for index in range(400))
    assert len(crops) == 20 and max(crops.values()) < 45
    cells = [dataset._cell(dataset.source, 1, index) for index in range(100_000)]
    assert sorted(cells) == list(range(100_000))
    assert cells[:100] != [dataset._cell(dataset.target, 1, index) for index in range(100)]


def test_zoom_is_bilinear_on_the_whole_picture(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1}, size=(90, 80))
    dataset = make_dataset(train(root, *WAY))
    rng = np.random.default_rng(0)
    picture = read_image(dataset.source.files[0], 3)
    for cell in range(20):
        draws = dataset.preprocessing.draw(picture.size, rng, cell)
        size = tuple(round(max(12, side * factor)) for side, factor in zip(picture.size, draws.zoom, strict=True))
        rows = size[1] // 12
        column, row = divmod(cell % (size[0] // 12 * rows), rows)
        left, top = draws.patch_offset[0] + 12 * column, draws.patch_offset[1] + 12 * row
        expected = picture.resize(size, Image.Resampling.BILINEAR).crop((left, top, left + 12, top + 12))
        difference = np.asarray(dataset.preprocessing.apply(picture, draws)).astype(int) - np.asarray(expected)
        assert np.abs(difference).max() <= 1  # 0 with Pillow 13; older versions differ in the order of the passes


def test_the_pictures_are_decoded_once(make_images, train, monkeypatch):
    dataset = make_dataset(train(make_images({"trainA": 1, "trainB": 1}, size=(50, 40)), *WAY))
    read = []
    monkeypatch.setattr("cut.data.domain.read_image", lambda path, *more: read.append(path) or read_image(path, *more))
    for index in range(5):
        dataset[1, index]
    assert len(read) == 2
    assert len(pickle.dumps(dataset)) < 5_000  # no pictures travel to the workers


def test_testing_gives_the_whole_picture_at_its_own_size(make_images, test):
    root = make_images({"trainA": 1}, size=(51, 38))
    dataset = make_dataset(test(root, "--dataset_mode", "singleimage", "--preprocess", "none"))
    assert len(dataset) == 1
    assert torch.equal(dataset[1, 0].source, to_tensor(read_image(dataset.source.files[0], 3), 3))
    assert dataset[1, 0].target is None


@pytest.mark.parametrize("count", [0, 2])
def test_exactly_one_picture_per_side(make_images, train, count):
    root = make_images({"trainA": 1, "trainB": count})
    with pytest.raises(UserError, match=f"trainB holds {count} images, but .* singleimage takes exactly one"):
        make_dataset(train(root, *WAY))


def test_a_picture_smaller_than_the_crop_is_refused(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1}, size=(50, 11))
    with pytest.raises(UserError, match="is 50×11 pixels, smaller than --crop_size 12"):
        make_dataset(train(root, *WAY))
