"""Image files → Pillow images → tensors in [−1, 1], and back to 8 bits."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError, features
from torch import Tensor

from cut.data.formats.raster import Picture, Raster
from cut.data.jpeg import is_complete
from cut.data.resampling import Size
from cut.errors import UserError, is_out_of_memory
from cut.reading import open_regular

# Named, so that a file of another format under one of our suffixes (PostScript, say) starts no other program.
FORMATS = (
    *("JPEG", "PNG", "PPM", "BMP", "DIB", "TIFF", "WEBP", "GIF"),
    *("JPEG2000", "AVIF", "QOI", "PCX", "SGI", "DDS", "PSD"),
)
BY_SUFFIX = ("TGA",)  # has no signature, so that anything could be taken for it: read under its own suffixes only
_NEEDS = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}  # what Pillow may be built without
_USUAL = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm")  # named first


def _suffixes(formats: tuple[str, ...]) -> tuple[str, ...]:
    """The suffixes under which files of these formats are read, where this Pillow can read them."""
    built = {name for name in formats if name not in _NEEDS or features.check(_NEEDS[name])}
    names = {suffix for suffix, name in Image.registered_extensions().items() if name in built}
    return (*(suffix for suffix in _USUAL if suffix in names), *sorted(names - set(_USUAL)))


EXTENSIONS = _suffixes((*FORMATS, *BY_SUFFIX, "MPO"))
"""Every suffix of an image, in lower case; training, testing and measuring read the same files."""

_SUFFIXES_BY_NAME_ONLY = _suffixes(BY_SUFFIX)
MAX_PIXELS = 178_956_970  # Pillow's own limit against decompression bombs: about 13,000 × 13,000

# Pillow warns of pictures that are large, of odd metadata and of formats to come. What matters becomes a UserError.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")

Color = tuple[int, int, int]


def read_image(path: Path | str, channels: int, background: Color = (255, 255, 255)) -> Image.Image:
    """The picture in a file, upright, without alpha, its values in 0 … 255.

    - The EXIF orientation is applied. Of several pages or frames, the first is taken.
    - Transparent pixels are composited on `background`.
    - Palette, 1-bit and CMYK images become grey or RGB.
    - Grayscale integers of more than 8 bits are scaled from 0 … 65535 to 0 … 255. Floats are scaled from the smallest
      of 0 … 1, 0 … 255 and 0 … 65535 that contains all values. If none does, for integers too, from the image's own
      minimum and maximum. Nothing is clipped, and mode "F" keeps the fractions through the transforms. Of colour
      images with 16 bits, Pillow reads the upper 8.

    Args:
        path: the file.
        channels: 1 for grayscale, 3 for colour.
        background: red, green and blue in 0 … 255.

    Returns:
        mode "L" (channels 1), "RGB" (channels 3), or "F" for one channel of more than 8 bits (either).

    Raises:
        UserError: a sentence that names the file, when it cannot be read.
    """
    with open_image(path) as image:
        return as_read(image, channels, background)


def as_read(image: Image.Image, channels: int, background: Color = (255, 255, 255)) -> Image.Image:
    """An opened image as `read_image` returns it."""
    upright = _upright(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _deep_to_float(upright, background)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, background), layer).convert("RGB")
    return upright.convert("L" if channels == 1 else "RGB")


def read_stored(path: Path | str) -> Image.Image:
    """The picture in a file as pytorch-fid reads it, so that distances agree: without alpha or EXIF orientation.

    Only grayscale of more than 8 bits is scaled as in `read_image`, because Pillow's own conversion gives white.

    Returns:
        mode "RGB", or "F" for one channel of more than 8 bits.

    Raises:
        UserError: a sentence that names the file, when it cannot be read.
    """
    with open_image(path) as image:
        deep = image.mode.startswith("I") or image.mode == "F"
        return read_image(path, 3) if deep else image.convert("RGB")


def check_image(path: Path | str, decode: bool = False) -> Size:
    """Width and height, upright, from the header; also finds files that were cut short.

    Args:
        path: the file.
        decode: decode the picture as well. That finds what its format lets one find: wrong checksums and codes, missing
            rows, floats that are no numbers; not pixels that are merely wrong.

    Raises:
        UserError: a sentence that names the file, when it cannot be read.
    """
    with open_image(path) as image:
        width, height = image.size
        if image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8):  # Pillow has already rotated a TIFF's size
            width, height = height, width
        if decode or not _ends_properly(path, image):
            image.load()
        if decode:
            _check_content(path, image)
        return width, height


def image_size(path: Path) -> Size | None:
    """Width and height as stored, from the header alone; None where there is no image that can be read."""
    try:
        with open_image(path) as image:
            return image.size
    except UserError:
        return None


def parse_color(name: str, option: str = "--alpha_background") -> Color:
    """Red, green and blue of a colour name or #rrggbb; `option` is where it was given.

    Raises:
        UserError: when there is no such colour.
    """
    try:
        return ImageColor.getrgb(name)[:3]
    except ValueError:
        raise UserError(
            f"{option} {name!r} is not a colour: give a name such as white, black or gray, or #rrggbb."
        ) from None


def to_tensor(image: Picture, channels: int) -> Tensor:
    """A picture from `read_image`, or a raster, as float32 (channels, H, W) in [−1, 1]: (x/255 − 0.5)/0.5."""
    if isinstance(image, Raster):
        return image.tensor()
    if image.mode == "F":
        # Bicubic filters overshoot; 8-bit images are limited by their type.
        pixels = torch.from_numpy(np.array(image)).clamp_(0, 255)[None].expand(channels, -1, -1)  # (C, H, W)
    else:
        values = torch.from_numpy(np.array(image))  # (H, W) or (H, W, 3), uint8
        pixels = values[None] if values.ndim == 2 else values.permute(2, 0, 1)  # (C, H, W)
    return pixels.contiguous().float().div_(255).sub_(0.5).div_(0.5)


def to_8bit(image: Tensor) -> np.ndarray:
    """A tensor (C, H, W) in [−1, 1] as uint8 (H, W, C), rounded to nearest, clipped to the range; NaN is black."""
    pixels = image.detach().float().cpu().add(1).mul(127.5).round().clamp(0, 255).nan_to_num_(nan=0.0)
    return pixels.to(torch.uint8).permute(1, 2, 0).numpy()


def to_image(image: Tensor) -> Image.Image:
    """A tensor (1 or 3, H, W) in [−1, 1] as a Pillow image of mode "L" or "RGB"."""
    pixels = to_8bit(image)  # (H, W, C)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


@contextmanager
def open_image(path: Path | str) -> Iterator[Image.Image]:
    """The opened file, not yet decoded; any error inside the block becomes a UserError that names the file."""
    try:
        # Given a path instead of a file, Pillow 13 maps some TIFFs into memory and scrambles those that EXIF turns.
        by_name = str(path).lower().endswith(_SUFFIXES_BY_NAME_ONLY)
        with open_regular(path) as file, Image.open(file, formats=FORMATS + BY_SUFFIX * by_name) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            if image.format == "TIFF" and _is_scrambled(image):
                what = "is a TIFF of deep colours in planes, which Pillow misreads"
                raise UserError(f"{path} {what}; save it again as PNG.")
            yield image
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"{path} {_why_unidentified(path)}; remove it, or save it again as PNG or JPEG.") from None
    except Image.DecompressionBombError:
        raise UserError(
            f"{path} has more than {MAX_PIXELS // 1_000_000} million pixels; cut it into smaller images."
        ) from None
    except Exception as error:  # Pillow's decoders raise many kinds of exceptions for damaged files
        if is_out_of_memory(error) or getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise  # not the image's fault
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from error
        reason = str(error).rstrip(".") or type(error).__name__
        what, remedy = f"is damaged ({reason})", "replace it, or remove it from the folder"
        if not isinstance(error, ValueError) and _format_of(path) == "TIFF":  # Pillow reads not all kinds
            what = f"is damaged, or a TIFF of a kind that is not read ({reason})"
            remedy = "replace it, or save it again as PNG"
        raise UserError(f"{path} {what}; {remedy}.") from error


def _why_unidentified(path: Path | str) -> str:
    """What a file is that Pillow does not identify."""
    kind = _format_of(path)
    if kind == "TIFF":
        return "is a TIFF of a kind that is not read, such as colours in floats or of 32 bits, or damaged"
    if kind is not None:
        return f"begins like a {kind} but is damaged"
    return "is not an image that can be read" if Path(path).stat().st_size else "is an empty file"


def _format_of(path: Path | str) -> str | None:
    """The format that the first bytes of a file are of; None when they are of none that is read here."""
    with open(path, "rb") as file:
        start = file.read(16)
    if len(start) < 16:
        return None
    for name in FORMATS:
        accepts = Image.OPEN[name][1] if name in Image.OPEN else None
        if accepts is not None and accepts(start) is True:
            return name
    return None


def _is_scrambled(image: Any) -> bool:
    """Whether a TIFF keeps colours of more than 8 bits in planes, uncompressed: Pillow takes them for 8 bits."""
    bits, compression, planes = (image.tag_v2.get(tag) for tag in (258, 259, 284))
    return planes == 2 and compression == 1 and max(bits or (1,)) > 8 and len(bits) > 1


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # unreadable EXIF does not mean that the picture is damaged
        return image


def _orientation(image: Image.Image) -> int:
    try:
        return Image.Image.getexif(image).get(0x0112, 1)  # not the PNG class's own method, which decodes the picture
    except Exception:
        return 1


def _deep_to_float(image: Image.Image, background: Color) -> Image.Image:
    """Modes "I", "I;16…" and "F" as mode "F" in 0 … 255 (see `read_image`)."""
    values = np.array(image).astype(np.float64)
    ranges = ((0, 1), (0, 255), (0, 65535)) if image.mode == "F" else ((0, 65535),)
    _check_finite(values)
    least, greatest = values.min(), values.max()
    for low, high in ranges:
        if low <= least and greatest <= high:
            break
    else:
        low, high = least, greatest
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    transparent = image.info.get("transparency")  # of a deep grayscale PNG: the one value that is transparent
    if isinstance(transparent, int):
        gray = Image.new("RGB", (1, 1), background).convert("L").getpixel((0, 0))
        scaled[values == transparent] = gray
    return Image.fromarray(scaled.astype(np.float32))


def _check_content(path: Path | str, image: Image.Image) -> None:
    """What decoding lets pass: values that are no numbers, and a JPEG that lacks its lower part.

    Raises:
        ValueError: with what is wrong.
    """
    if image.mode == "F":
        _check_finite(np.asarray(image))
    if image.format in ("JPEG", "MPO"):
        with open_regular(path) as file:
            if not is_complete(file.read(), image):
                raise ValueError("its data ends before its picture does")


def _check_finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise ValueError("some of its values are infinite or not numbers")


def _ends_properly(path: Path | str, image: Image.Image) -> bool:
    """Whether a JPEG or PNG has its end marker; for other formats only decoding shows whether a file is complete."""
    ending = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}.get(image.format or "")
    if ending is None:
        return False
    with open_regular(path) as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - len(ending)))
        return file.read() == ending
