"""Samples: what is read, and what each depends on."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.batch import Sample
from cut.data.images import read_image, to_tensor
from cut.data.loader import make_dataset
from cut.data.resampling import resize
from cut.errors import UserError


def same(one: Sample, other: Sample) -> bool:
    paths = (one.source_path, one.target_path) == (other.source_path, other.target_path)
    return paths and torch.equal(one.source, other.source) and torch.equal(one.target, other.target)


def name(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def test_a_goes_in_turn_and_b_at_random(make_images, train):
    dataset = make_dataset(train(make_images({"trainA": 3, "trainB": 7})))
    assert len(dataset) == 7
    samples = [dataset[1, index] for index in range(7)]
    assert [name(sample.source_path) for sample in samples] == [f"trainA/{index % 3:03}.png" for index in range(7)]
    drawn = {name(dataset[epoch, 0].target_path) for epoch in range(1, 60)}
    assert drawn == {f"trainB/{index:03}.png" for index in range(7)}


def test_serial_batches_keep_both_sides_in_step(make_images, train):
    dataset = make_dataset(train(make_images({"trainA": 3, "trainB": 5}), "--serial_batches"))
    targets = [name(dataset[1, index].target_path) for index in range(5)]
    assert targets == [f"trainB/{index:03}.png" for index in range(5)]
    assert dataset.order(3).tolist() == [0, 1, 2, 3, 4]


def test_epochs_are_shuffled_each_in_its_own_way(make_images, train):
    dataset = make_dataset(train(make_images({"trainA": 20, "trainB": 2})))
    orders = [dataset.order(epoch).tolist() for epoch in (1, 2)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert orders[0] != orders[1]
    other = make_dataset(train(dataset.source.folder.parent, "--seed", "1"))
    assert other.order(1).tolist() != orders[0]


def test_a_sample_depends_on_seed_epoch_and_index_alone(make_images, train):
    root = make_images({"trainA": 4, "trainB": 5})
    first, second = make_dataset(train(root)), make_dataset(train(root))
    for index in (3, 1, 4, 0, 2):
        first[2, index], np.random.random(), torch.rand(1)
    for index in range(5):
        assert same(first[1, index], second[1, index])
    sample = first[1, 0]
    assert not same(sample, first[2, 0])
    assert not same(sample, make_dataset(train(root, "--seed", "1"))[1, 0])
    assert same(sample, pickle.loads(pickle.dumps(first))[1, 0])


def test_both_sides_are_augmented_independently(make_images, train):
    root = make_images({"trainA": 1})
    shutil.copytree(root / "trainA", root / "trainB")
    dataset = make_dataset(train(root, "--preprocess", "none"))
    flips = [torch.equal(sample.source, sample.target) for sample in (dataset[epoch, 0] for epoch in range(1, 200))]
    assert 60 < sum(flips) < 140


def test_direction_swaps_the_roles_and_the_channels(make_images, train):
    root = make_images({"trainA": 2, "trainB": 2})
    sample = make_dataset(
        train(root, "--direction", "BtoA", "--input_nc", "1", "--output_nc", "3", "--nce_idt", "false")
    )[1, 0]
    assert name(sample.source_path).startswith("trainB/") and sample.source.shape == (1, 12, 12)
    assert name(sample.target_path).startswith("trainA/") and sample.target.shape == (3, 12, 12)
    forward = make_dataset(train(root))[1, 0]
    backward = make_dataset(train(root, "--direction", "BtoA"))[1, 0]
    assert torch.equal(forward.source, backward.target) and torch.equal(forward.target, backward.source)


def test_more_channels_than_the_files_have_are_refused(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1})
    with pytest.raises(UserError, match="000.png has 3 bands, but 4 channels are asked for"):
        make_dataset(train(root, "--input_nc", "4", "--output_nc", "4"))


def test_max_dataset_size_keeps_the_first_and_ends_the_epoch(make_images, train):
    dataset = make_dataset(train(make_images({"trainA": 9, "trainB": 3}), "--max_dataset_size", "4"))
    assert len(dataset) == 4
    assert [path.name for path in dataset.source.files] == ["000.png", "001.png", "002.png", "003.png"]


def test_images_are_not_scaled_beyond_the_crop_while_the_rate_decays(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1})
    dataset = make_dataset(train(root, "--n_epochs", "2", "--no_flip"))
    picture = resize(read_image(dataset.source.files[0], 3), (12, 12), Image.Resampling.BICUBIC)
    assert not torch.equal(dataset[2, 0].source, to_tensor(picture, 3))
    assert torch.equal(dataset[3, 0].source, to_tensor(picture, 3))
    assert torch.equal(dataset[4, 0].source, to_tensor(picture, 3))


def test_testing_reads_every_source_once_in_order_and_unchanged(make_images, test):
    root = make_images({"testA": 2, "testB": 5})
    dataset = make_dataset(test(root, "--preprocess", "none"))
    assert len(dataset) == 2 and dataset.order(1).tolist() == [0, 1]
    for index, path in enumerate(dataset.source.files):
        assert torch.equal(dataset[1, index].source, to_tensor(read_image(path, 3), 3))
    assert name(dataset[1, 1].target_path) == "testB/001.png"
    assert len(make_dataset(test(root, "--direction", "BtoA"))) == 5


def test_testing_crops_the_middle(make_images, test):
    dataset = make_dataset(test(make_images({"testA": 1}), "--preprocess", "crop"))
    whole = to_tensor(read_image(dataset.source.files[0], 3), 3)  # 20 × 16
    assert torch.equal(dataset[1, 0].source, whole[:, 2:14, 4:16])


def test_testing_needs_no_target(make_images, test):
    root = make_images({"valA": 2})
    (root / "valB").mkdir()
    sample = make_dataset(test(root))[1, 0]
    assert sample.target is None and sample.target_path is None
    with pytest.raises(UserError, match="valB holds no images"):
        make_dataset(test(root, "--direction", "BtoA"))


def test_single_reads_one_folder(make_images, test):
    root = make_images({"x": 2, "y/z": 1})
    dataset = make_dataset(test(root, "--dataset_mode", "single"))
    assert len(dataset) == 3 and dataset[1, 2].target is None
    assert name(dataset[1, 2].source_path) == "z/000.png"


def test_single_has_nothing_to_train_towards(make_images, train):
    with pytest.raises(UserError, match="single has no target domain"):
        make_dataset(train(make_images({"x": 2}), "--dataset_mode", "single"))


def test_fingerprint_changes_with_the_names_and_not_with_the_place(make_images, train, tmp_path):
    root = make_images({"trainA": 2, "trainB": 2})
    before = make_dataset(train(root)).fingerprint()
    shutil.copytree(root / "trainA", tmp_path / "moved/trainA")
    shutil.copytree(root / "trainB", tmp_path / "moved/trainB")
    assert make_dataset(train(tmp_path / "moved")).fingerprint() == before
    assert make_dataset(train(root, "--direction", "BtoA")).fingerprint() != before
    (root / "trainB/001.png").rename(root / "trainB/002.png")
    assert make_dataset(train(root)).fingerprint() != before


def test_files_are_checked_before_anything_is_read(make_images, train):
    root = make_images({"trainA": 2, "trainB": 2})
    (root / "trainA/bad.png").write_text("no image")
    (root / "trainB/cut.png").write_bytes((root / "trainB/000.png").read_bytes()[:-60])
    with pytest.raises(UserError) as caught:
        make_dataset(train(root))
    assert len(caught.value.problems) == 2


def test_images_smaller_than_the_crop_are_listed(make_images, train):
    root = make_images({"trainA": 2, "trainB": 1})
    with pytest.raises(UserError) as caught:
        make_dataset(train(root, "--preprocess", "crop", "--crop_size", "18"))
    assert len(caught.value.problems) == 3
    assert "000.png is 20×16 pixels, smaller than --crop_size 18; use" in str(caught.value)


def test_the_smallest_sample_is_known_from_the_headers(make_images, train):
    root = make_images({"trainA": 1, "trainB": 1})
    assert make_dataset(train(root)).smallest == (12, 12)
    assert make_dataset(train(root, "--preprocess", "none")).smallest == (20, 16)
    assert make_dataset(train(root, "--preprocess", "resize", "--n_epochs", "1")).smallest == (12, 12)
