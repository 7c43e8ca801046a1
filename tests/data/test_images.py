"""Every kind of image file, in closed form."""

import math
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.images import check_image, parse_color, read_image, to_8bit, to_image, to_tensor
from cut.data.resampling import resize
from cut.errors import UserError


def tensor(path, channels=1, **more):
    return to_tensor(read_image(path, channels, **more), channels)


def saved(tmp_path, array, name="x.tif"):
    Image.fromarray(array).save(tmp_path / name)
    return tmp_path / name


def test_eight_bits_are_spread_over_minus_one_to_one(tmp_path):
    path = saved(tmp_path, np.arange(256, dtype=np.uint8).reshape(16, 16), "x.png")
    expected = (torch.arange(256).float() / 255 - 0.5) / 0.5
    assert torch.equal(tensor(path), expected.reshape(1, 16, 16))
    assert torch.equal(tensor(path, 3), expected.reshape(1, 16, 16).expand(3, -1, -1))


def test_eight_bits_survive_the_way_there_and_back(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    path = saved(tmp_path, pixels, "x.png")
    assert np.array_equal(to_8bit(tensor(path, 3)), pixels)
    assert np.array_equal(np.asarray(to_image(tensor(path, 3))), pixels)
    assert to_image(tensor(path, 1)).mode == "L"


def test_8_bits_are_rounded_and_clipped():
    values = torch.tensor([[[-1.2, -1.0, -1 + 1.4 / 127.5, -1 + 1.6 / 127.5, 0.9999, 1.5]]])
    assert to_8bit(values).tolist() == [[[0], [0], [1], [2], [255], [255]]]


def test_what_is_no_number_is_black_and_infinity_is_clipped():
    nothing = torch.tensor([[[math.nan, math.inf, -math.inf]]])
    assert to_8bit(nothing).tolist() == [[[0], [255], [0]]]


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, name, channels):
    values = np.array([[0, 1, 257, 32768, 65534, 65535]], dtype=np.uint16)
    result = tensor(saved(tmp_path, values, name), channels)
    expected = torch.from_numpy(values.astype(np.float64) / 65535 * 2 - 1).float().expand(channels, 1, 6)
    assert torch.allclose(result, expected, atol=1e-6, rtol=0)
    assert result[0, 0, 1] > -1  # finer than 8 bits


def test_sixteen_bits_keep_their_precision_through_a_resize(tmp_path):
    ramp = np.linspace(1000, 1400, 64, dtype=np.uint16)[None].repeat(8, 0)
    image = read_image(saved(tmp_path, ramp), 1)
    assert image.mode == "F"
    assert len(np.unique(np.asarray(resize(image, (32, 4), Image.Resampling.BICUBIC))[0])) == 32


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.0, 0.25, 1.0], 0, 1),
        ([0.0, 0.25, 0.5], 0, 1),
        ([0.0, 1.5, 200.0], 0, 255),
        ([0.0, 300.0, 65535.0], 0, 65535),
        ([-2.0, 0.0, 2.0], -2, 2),
        ([1.0, 2.0, 70000.0], 1, 70000),
        ([70000.0, 70000.0, 70000.0], 70000, 70001),
    ],
)
def test_floats_take_the_smallest_usual_range_that_holds_them(tmp_path, values, low, high):
    result = tensor(saved(tmp_path, np.array([values], dtype=np.float32)))
    expected = (torch.tensor([[values]], dtype=torch.float64) - low) / (high - low) * 2 - 1
    assert torch.allclose(result.double(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("value", [3e38, -3e38, 70000.0, -1e-40, 1e10])
def test_a_constant_outside_the_usual_ranges_is_black(tmp_path, value):
    result = tensor(saved(tmp_path, np.full((4, 5), value, dtype=np.float32)))
    assert (result == -1).all()


def test_the_whole_range_of_floats(tmp_path):
    result = tensor(saved(tmp_path, np.array([[-3.4e38, 0, 3.4e38]], dtype=np.float32)))
    assert result.flatten().tolist() == pytest.approx([-1, 0, 1], abs=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_verifying_finds_floats_that_are_no_numbers(tmp_path, value):
    path = saved(tmp_path, np.array([[0, value]], dtype=np.float32))
    assert check_image(path) == (2, 1)
    with pytest.raises(UserError, match="x.tif is damaged .some of its values are infinite or not numbers"):
        check_image(path, decode=True)


def test_garbage_is_no_targa_unless_it_is_called_that(tmp_path):
    Image.new("RGB", (9, 8)).save(tmp_path / "x.tga")
    assert check_image(tmp_path / "x.tga") == (9, 8)
    (tmp_path / "x.tga").rename(tmp_path / "x.png")
    with pytest.raises(UserError, match="is not an image"):
        check_image(tmp_path / "x.png")


def test_thirty_two_bit_integers(tmp_path):
    assert tensor(saved(tmp_path, np.array([[0, 65535]], dtype=np.int32))).tolist() == [[[-1, 1]]]
    assert tensor(saved(tmp_path, np.array([[-100, 100000]], dtype=np.int32))).tolist() == [[[-1, 1]]]


def test_values_that_are_no_numbers_are_refused(tmp_path):
    path = saved(tmp_path, np.array([[0, np.nan]], dtype=np.float32))
    with pytest.raises(UserError, match="x.tif is damaged .some of its values are infinite or not numbers"):
        read_image(path, 1)


def test_alpha_is_composited_on_the_background(tmp_path):
    pixels = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], dtype=np.uint8)
    path = saved(tmp_path, pixels, "x.png")
    assert np.asarray(read_image(path, 3)).tolist() == [[[200, 100, 0], [255, 255, 255], [244, 224, 204]]]
    black = np.asarray(read_image(path, 3, background=parse_color("black"))).tolist()
    assert black == [[[200, 100, 0], [0, 0, 0], [40, 20, 0]]]
    assert np.asarray(read_image(path, 1)).tolist()[0][1] == 255


def test_gray_with_alpha(tmp_path):
    Image.fromarray(np.array([[[77, 255], [77, 0]]], dtype=np.uint8), "LA").save(tmp_path / "x.png")
    assert np.asarray(read_image(tmp_path / "x.png", 1)).tolist() == [[77, 255]]
    red = read_image(tmp_path / "x.png", 3, background=parse_color("#ff0000"))
    assert np.asarray(red).tolist() == [[[77, 77, 77], [255, 0, 0]]]


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "clear.png", transparency=1)
    assert np.asarray(read_image(tmp_path / "plain.png", 3)).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert np.asarray(read_image(tmp_path / "clear.png", 3)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_one_transparent_value_of_deep_and_of_rgb_images(tmp_path):
    Image.fromarray(np.array([[5, 65535]], dtype=np.uint16)).save(tmp_path / "deep.png", transparency=5)
    assert tensor(tmp_path / "deep.png").tolist() == [[[1, 1]]]
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "key.png", transparency=(1, 2, 3))
    assert np.asarray(read_image(tmp_path / "key.png", 3)).tolist() == [[[255, 255, 255], [4, 5, 6]]]


def test_one_bit_and_cmyk(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bit.png")
    assert np.asarray(read_image(tmp_path / "bit.png", 1)).tolist() == [[255, 0]]
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "ink.tif")
    assert read_image(tmp_path / "ink.tif", 3).getpixel((0, 0)) == (255, 0, 0)


def test_first_of_several_pages(tmp_path):
    pages = [Image.new("L", (4, 4), value) for value in (10, 20)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert read_image(tmp_path / "x.tif", 1).getpixel((0, 0)) == 10


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_and_known_from_the_header(tmp_path, name, orientation):
    pixels = np.zeros((16, 32), dtype=np.uint8)
    pixels[:8, :16] = 255  # bright where the stored picture has its top left
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / name, exif=exif)
    upright = read_image(tmp_path / name, 1)
    bright = {1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left"}
    bright |= {5: "top left", 6: "top right", 7: "bottom right", 8: "bottom left"}
    assert upright.size == check_image(tmp_path / name) == ((32, 16) if orientation < 5 else (16, 32))
    array = np.asarray(upright)
    row, column = (int(number) for number in np.argwhere(array > 128).mean(axis=0) * 2 > np.array(array.shape))
    assert f"{('top', 'bottom')[row]} {('left', 'right')[column]}" == bright[orientation]


def test_unknown_colour_is_refused():
    with pytest.raises(UserError, match="--alpha_background 'wite' is not a colour"):
        parse_color("wite")


def cut_short(path, image, **more):
    image.save(path, **more)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.bmp", "x.ppm", "x.tif"])
def test_truncated_files_are_found_without_decoding_all(tmp_path, name):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    cut_short(tmp_path / name, Image.fromarray(pixels))
    with pytest.raises(UserError, match=f"{name} is (damaged|no image)"):
        check_image(tmp_path / name)
    with pytest.raises(UserError, match=f"{name} is (damaged|no image)"):
        read_image(tmp_path / name, 3)


def test_a_jpeg_with_something_behind_its_end_is_no_error(tmp_path):
    Image.new("RGB", (9, 8)).save(tmp_path / "x.jpg")
    (tmp_path / "x.jpg").write_bytes((tmp_path / "x.jpg").read_bytes() + b"a camera's own data")
    assert check_image(tmp_path / "x.jpg") == (9, 8)


def test_other_bad_files_each_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    Image.new("L", (100, 100)).save(tmp_path / "large.png")
    monkeypatch.setattr("cut.data.images.MAX_PIXELS", 9_999)
    messages = {
        "text.png": "is not an image that can be read; remove it",
        "empty.jpg": "is an empty file; remove it",
        "large.png": "has more than 0 million pixels",
        "gone.png": "cannot be read: No such file",
    }
    for name, message in messages.items():
        for read in (check_image, lambda path: read_image(path, 3)):
            with pytest.raises(UserError) as caught:
                read(tmp_path / name)
            assert str(caught.value).startswith(f"{tmp_path / name} {message}")
            assert len(caught.value.problems) == 1


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # pytest undoes our own filter
def test_pictures_of_the_size_that_cameras_make_are_accepted(tmp_path):
    Image.new("1", (10_000, 10_000)).save(tmp_path / "x.png")
    assert check_image(tmp_path / "x.png") == (10_000, 10_000)


def test_postscript_is_not_opened(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.png")
    with pytest.raises(UserError, match="is not an image"):
        check_image(tmp_path / "x.png")


def write_tiff(path, values, bits, sample_format=1, planes=1):
    """A TIFF of colours (H, W, 3), uncompressed, of a kind that Pillow does not write."""
    height, width, _ = values.shape
    layout = values if planes == 1 else np.ascontiguousarray(values.transpose(2, 0, 1))
    strips = 1 if planes == 1 else 3
    extra = {258: [bits] * 3, 339: [sample_format] * 3}
    content, places = layout.tobytes(), {}
    size = len(content) // strips
    for tag, numbers in extra.items():
        places[tag] = 8 + len(content)
        content += struct.pack("<3H", *numbers)
    for tag, numbers in {273: [8 + size * number for number in range(strips)], 279: [size] * strips}.items():
        places[tag] = 8 + len(content) if strips > 1 else numbers[0]
        content += struct.pack(f"<{strips}I", *numbers)
    tags = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 3, places[258]), 259: (3, 1, 1), 262: (3, 1, 2)}
    tags |= {273: (4, strips, places[273]), 277: (3, 1, 3), 278: (4, 1, height), 279: (4, strips, places[279])}
    tags |= {284: (3, 1, planes), 339: (3, 3, places[339])}
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(content))
    path.write_bytes(head + content + struct.pack("<H", len(tags)) + entries + bytes(4))


def test_tiffs_of_other_kinds_are_not_called_damaged(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    write_tiff(tmp_path / "planes.tif", values, 8, planes=2)
    assert np.array_equal(np.asarray(read_image(tmp_path / "planes.tif", 3)), values)
    write_tiff(tmp_path / "floats.tif", values.astype(np.float32), 32, sample_format=3)
    write_tiff(tmp_path / "deep planes.tif", values.astype(np.uint16) * 257, 16, planes=2)
    for read in (check_image, lambda path: read_image(path, 3)):
        with pytest.raises(UserError, match="floats.tif is a TIFF of a kind that is not read, such as colours"):
            read(tmp_path / "floats.tif")
        with pytest.raises(UserError, match="planes.tif is a TIFF of deep colours in planes, which Pillow misreads"):
            read(tmp_path / "deep planes.tif")


def test_pillows_warnings_are_not_shown(tmp_path):
    """Of a palette with transparency in bytes, of which Pillow warns when it is converted."""
    image = Image.new("P", (8, 8))
    image.save(tmp_path / "x.png", transparency=bytes(range(256)))
    code = (
        "import sys, warnings; from cut.data.images import read_image; from PIL import Image\n"
        "Image.open(sys.argv[1]).convert('RGB'); read_image(sys.argv[1], 3)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x.png"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
