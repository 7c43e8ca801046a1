"""JPEGs that lack their lower part, which decoders fill with grey."""

import io

import numpy as np
import pytest
from PIL import Image

from cut.data.images import check_image
from cut.data.jpeg import is_complete
from cut.errors import UserError

FORMS = [
    {},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 3},
    {"progressive": True, "restart_marker_rows": 1},
    {"optimize": True, "subsampling": 0, "quality": 95},
]


def jpeg(mode: str = "RGB", size: tuple[int, int] = (150, 100), **form) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (size[1] // 8 + 2, size[0] // 8 + 2, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).convert(mode).save(stream, "JPEG", **form)
    return stream.getvalue()


def complete(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return is_complete(data, image)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_whole_files_are_complete_and_those_with_a_patched_end_are_not(form, mode):
    data = jpeg(mode, **form)
    assert complete(data) and complete(data + b"what a camera adds \xff\xd9")
    for share in np.linspace(0.4, 0.995, 31):
        try:
            assert not complete(data[: int(share * len(data))] + b"\xff\xd9"), share
        except OSError:
            continue  # within a header Pillow notices it


@pytest.mark.parametrize("shade", [0, 255])
def test_plain_pictures_are_complete(shade):
    stream = io.BytesIO()
    Image.new("L", (300, 200), shade).save(stream, "JPEG")
    assert complete(stream.getvalue())


def test_with_a_thumbnail_and_several_pictures(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "\xff\xd9 in a comment"
    pictures = [Image.open(io.BytesIO(jpeg(size=(size, 40)))) for size in (64, 80)]
    pictures[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=pictures[1:], exif=exif)
    assert check_image(tmp_path / "x.jpg", decode=True) == (64, 40)


def test_verifying_says_it(tmp_path):
    data = jpeg()
    (tmp_path / "x.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    assert check_image(tmp_path / "x.jpg") == (150, 100)
    with pytest.raises(UserError, match="x.jpg is damaged .its data ends before its picture does"):
        check_image(tmp_path / "x.jpg", decode=True)
