"""Label images of every kind, and folders of them."""

import numpy as np
import pytest
from PIL import Image

from cut.errors import UserError
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.protocols.label_folders import compare_label_folders, read_labels, resize_nearest

PALETTE = Palette("two", ("red", "blue"), (((255, 0, 0),), ((0, 0, 255),)), void=((0, 0, 0),))
CLASSES = np.array([[0, 1, -1], [1, 1, 0]])
IDS = np.where(CLASSES < 0, 255, CLASSES).astype(np.uint8)
COLORS = np.array([[255, 0, 0], [0, 0, 255], [0, 0, 0]], np.uint8)[CLASSES]


def as_indexed():
    image = Image.fromarray(IDS).convert("P")
    image.putdata(IDS.ravel().tolist())
    image.putpalette([255, 0, 0, 0, 0, 255, *[0] * (3 * 254)])
    return image


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_gray_channel_holds_ids(tmp_path, dtype, ids):
    Image.fromarray(IDS.astype(dtype)).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png", PALETTE, ids), CLASSES)


def test_colours_are_classified(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png", PALETTE), CLASSES)


@pytest.mark.parametrize("ids", [False, True])
def test_an_indexed_image_is_read_either_way(tmp_path, ids):
    as_indexed().save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png", PALETTE, ids), CLASSES)


def test_indices_are_not_colours(tmp_path):
    image = as_indexed()
    image.putpalette([0, 0, 255, 255, 0, 0, *[0] * (3 * 254)])  # the other way round
    image.save(tmp_path / "x.png")
    swapped = np.array([1, 0, -1])[CLASSES]
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png", PALETTE), swapped)
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png", PALETTE, ids=True), CLASSES)


def test_ids_in_three_equal_channels(tmp_path):
    Image.fromarray(np.stack([IDS] * 3, axis=-1)).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png", PALETTE, ids=True), CLASSES)


def test_colours_are_no_ids(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / "x.png")
    with pytest.raises(UserError, match=r"x\.png has colours, not class ids; leave out --ids\."):
        read_labels(tmp_path / "x.png", PALETTE, ids=True)


@pytest.mark.parametrize("beyond", [2, 33, 254])
def test_ids_beyond_the_classes(tmp_path, beyond):
    Image.fromarray(np.array([[0, 1, beyond]], np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(UserError, match=rf"x\.png has the class id {beyond}, but the ids of two are 0 to 1, and 255"):
        read_labels(tmp_path / "x.png", PALETTE)


def test_a_damaged_image_is_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"x\.png is not an image"):
        read_labels(tmp_path / "x.png", PALETTE)


def test_nearest_resizing():
    labels = np.array([[0, 1], [2, 3]])
    np.testing.assert_array_equal(resize_nearest(labels, (4, 6)), np.kron(labels, np.ones((2, 3), int)))
    np.testing.assert_array_equal(resize_nearest(np.kron(labels, np.ones((3, 5), int)), (2, 2)), labels)
    np.testing.assert_array_equal(resize_nearest(labels, (2, 2)), labels)


def test_nearest_resizing_is_pillows():
    labels = np.random.default_rng(0).integers(0, 19, (7, 10)).astype(np.uint8)
    for shape in ((14, 3), (5, 16), (1, 1)):
        expected = np.asarray(Image.fromarray(labels).resize(shape[::-1], Image.Resampling.NEAREST))
        np.testing.assert_array_equal(resize_nearest(labels, shape), expected)


@pytest.fixture
def folders(tmp_path):
    for name in ("true", "predicted"):
        (tmp_path / name / "street").mkdir(parents=True)
    return tmp_path / "true", tmp_path / "predicted"


def test_folders_by_name_with_different_kinds_and_sizes(folders):
    true, predicted = folders
    Image.fromarray(COLORS).save(true / "street/1.png")
    Image.fromarray(np.kron(IDS, np.ones((2, 2), np.uint8))).save(predicted / "street/1.bmp")
    Image.fromarray(IDS).save(true / "2.png")
    Image.fromarray(np.zeros_like(IDS)).save(predicted / "2.png")
    found = compare_label_folders(true, predicted, PALETTE)
    assert (found.images, found.resized) == (2, 1)
    np.testing.assert_array_equal(found.confusion.matrix, [[4, 0, 0], [3, 3, 0]])


def test_names_that_do_not_match(folders):
    true, predicted = folders
    for name in ("same", "a", "b", "c", "d"):
        Image.fromarray(IDS).save(true / f"{name}.png")
    for name in ("same", "street/a"):
        Image.fromarray(IDS).save(predicted / f"{name}.png")
    with pytest.raises(UserError) as error:
        compare_label_folders(true, predicted, PALETTE)
    assert str(error.value) == (
        "The two folders must have images of the same names, but "
        f"a, b, c and 1 more only in {true} and street/a only in {predicted}."
    )


def test_two_images_of_one_name(folders):
    for folder in folders:
        Image.fromarray(IDS).save(folder / "a.png")
    Image.fromarray(IDS).save(folders[1] / "a.bmp")
    with pytest.raises(UserError, match=r"predicted has several images named a; keep one of each\."):
        compare_label_folders(*folders, PALETTE)


def test_missing_and_empty_folders(folders, tmp_path):
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        compare_label_folders(tmp_path / "nowhere", folders[1], PALETTE)
    with pytest.raises(UserError, match=r"true holds no images"):
        compare_label_folders(*folders, PALETTE)
