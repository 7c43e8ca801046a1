"""Many bands, deep values, nodata and ranges: from files to tensors, and back."""

import numpy as np
import pytest
import tifffile
import torch

from cut.data.batch import collate
from cut.data.formats.ranges import Scale, as_json, stored_scales
from cut.data.formats.writing import array_bytes
from cut.data.loader import make_dataset
from cut.errors import UserError
from cut.losses.pixels import l1

WAY = ("--preprocess", "none", "--no_flip", "--input_nc", "4", "--lambda_identity", "0", "--nce_idt", "false")


def bands(seed=0, count=4, high=3000):
    return np.random.default_rng(seed).integers(0, high, (count, 16, 12)).astype(np.uint16)


@pytest.fixture
def root(tmp_path):
    """Side A: four bands of uint16 in planes and interleaved; side B: three bands of float32 in NumPy files."""
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
    tifffile.imwrite(tmp_path / "trainA/0.tif", bands(0), photometric="minisblack", planarconfig="separate")
    interleaved = np.moveaxis(bands(1), 0, -1)
    tifffile.imwrite(tmp_path / "trainA/1.tif", interleaved, photometric="minisblack", planarconfig="contig")
    for number in range(2):
        np.save(tmp_path / f"trainB/{number}.npy", bands(number + 5, 3).astype(np.float32) / 10 - 50)
    return tmp_path


def test_bands_are_read_at_full_precision_whatever_their_layout(root, train):
    dataset = make_dataset(train(root, *WAY))
    for number in (0, 1):
        back = (dataset[1, number].source.double() + 1) / 2 * 65535
        assert np.array_equal(back.round().numpy(), bands(number))


def test_bands_are_picked_in_order(root, train):
    words = [*WAY[:3], "--bands_A", "4,3,2"]
    sample = make_dataset(train(root, *words))[1, 0]
    assert torch.allclose(
        (sample.source + 1) / 2 * 65535, torch.from_numpy(bands(0)[[3, 2, 1]].astype(np.float32)), atol=0.02
    )


def test_a_range_is_measured_over_the_side_and_not_over_an_image(root, train):
    dataset = make_dataset(train(root, *WAY))
    scale = dataset.scales["B"]
    values = np.stack([np.load(root / f"trainB/{number}.npy") for number in range(2)])
    assert scale.rule == "percentile:0,100"
    assert np.allclose(scale.low, values.min((0, 2, 3))) and np.allclose(scale.high, values.max((0, 2, 3)))


def test_the_sentence_says_what_a_side_is_and_what_is_dropped(root, train):
    notes = "\n".join(make_dataset(train(root, *WAY[:3])).notes())
    assert "Side A: 2 images, 4 bands, uint16" in notes and "of 4 bands 1, 2, 3 are used" in notes
    assert "--value_range percentile:1,99" in notes


def test_bands_that_differ_or_do_not_exist_are_named(root, train):
    with pytest.raises(UserError, match="--bands_A names band 5, but .*0.tif has 4 bands"):
        make_dataset(train(root, *WAY[:3], "--bands_A", "5,1,2"))
    tifffile.imwrite(root / "trainA/2.tif", bands(3, 5), photometric="minisblack", planarconfig="separate")
    with pytest.raises(UserError, match=r"1 of 3 files are not of bands 4.*2.tif \(5\)"):
        make_dataset(train(root, *WAY))


def test_no_data_is_a_mask_and_counts_in_no_loss(root, train):
    image = np.load(root / "trainB/0.npy")
    image[:, :4] = np.nan
    np.save(root / "trainB/0.npy", image)
    dataset = make_dataset(train(root, *WAY, "--serial_batches"))
    batch = collate([dataset[1, 0], dataset[1, 1]])
    valid = batch.valid[1]
    assert not valid[0, :, :4].any() and valid[0, :, 4:].all() and valid[1].all() and batch.valid[0] is None
    assert batch.target.isfinite().all()
    spoilt = torch.where(valid, batch.target, torch.tensor(9.0))
    assert l1(spoilt, batch.target, valid) == 0 and l1(spoilt + 1, batch.target, valid) == pytest.approx(1)


def test_a_strict_range_refuses_and_names(root, train):
    words = [*WAY, "--value_range_A", "0,100"]
    assert any("outside of the range" in note for note in make_dataset(train(root, *words)).notes())
    with pytest.raises(UserError, match="0.tif has .* values outside of --value_range 0,100"):
        make_dataset(train(root, *words, "--strict_range"))


def test_a_scale_goes_there_and_back_and_is_kept(tmp_path):
    scale = Scale("dtype", (0.0,) * 4, (65535.0,) * 4, "uint16", ".tif", (0, 1, 2, 3))
    (tmp_path / "ranges.json").write_bytes(as_json({"A": scale}))
    assert stored_scales(tmp_path) == {"A": scale}
    image = bands().astype(np.float32) / 65535 * 2 - 1
    (tmp_path / "x.tif").write_bytes(array_bytes(scale.to_physical(image), ".tif"))
    assert np.array_equal(tifffile.imread(tmp_path / "x.tif"), bands())


def test_turns_are_those_of_the_sample(root, train):
    words = [*WAY, "--preprocess", "crop", "--augment", "rot90,vflip"]
    one, other = (make_dataset(train(root, *words)) for _ in range(2))
    images = [one[epoch, 0].source for epoch in range(1, 9)]
    assert all(torch.equal(image, other[epoch, 0].source) for epoch, image in enumerate(images, 1))
    assert len({tuple(image.flatten().tolist()) for image in images}) > 4


def test_lists_replace_folders(root, train):
    (root / "a.csv").write_text("path,patient\ntrainA/1.tif,7\n")
    dataset = make_dataset(train(root, *WAY, "--dataroot_A", str(root / "a.csv")))
    assert [file.name for file in dataset.source.files] == ["1.tif"] and len(dataset.target.files) == 2
    (root / "a.csv").write_text("path\ntrainA/9.tif\n")
    with pytest.raises(UserError, match="1 of 1 files of .*a.csv are missing: .*9.tif"):
        make_dataset(train(root, *WAY, "--dataroot_A", str(root / "a.csv")))
