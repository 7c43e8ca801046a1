"""Which reader a file has, by its suffix and its header."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cut.data.formats import arrays, medical, tiff
from cut.data.formats.stored import Header, How, Stored, planes, slice_paths, split_slice, with_alpha, with_mask
from cut.data.images import open_image
from cut.reading import refuse_other_kinds

ARRAY_SUFFIXES = (".npy", ".npz", ".dcm", ".nii", ".nii.gz")
"""Suffixes that are never a picture, in lower case."""


def suffix_of(path: Path) -> str:
    """The suffix in lower case, `.nii.gz` as one; of a slice that of its volume."""
    name = split_slice(path)[0].name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def header_of(path: Path, how: How) -> Header | None:
    """The header of a file that needs a reader of this package; None for a picture, which Pillow reads.

    Raises:
        UserError: when it cannot be read, or a library for it is missing.
    """
    suffix = suffix_of(path)
    if suffix not in (*ARRAY_SUFFIXES, *tiff.SUFFIXES, ".png"):
        return None
    file, _ = split_slice(path)
    refuse_other_kinds(file)
    if suffix in (".npy", ".npz"):
        return arrays.header(file, how)
    if suffix == ".dcm":
        return medical.dicom_header(file, how)
    if suffix in (".nii", ".nii.gz"):
        return medical.nifti_header(file, how)
    if suffix in tiff.SUFFIXES and _begins(file, (b"II", b"MM")):
        return tiff.header(file, how)
    if suffix == ".png" and file.is_file():
        return arrays.png_header(file, how)
    return None


def load(path: Path, how: How) -> Stored:
    """The values of any image, pictures included, in the file's own numbers.

    Raises:
        UserError: when it cannot be read.
    """
    file, number = split_slice(path)
    suffix = suffix_of(path)
    if suffix in (".npy", ".npz"):
        return arrays.load(file, how)
    if suffix == ".dcm":
        return medical.dicom_load(file, how, number)
    if suffix in (".nii", ".nii.gz"):
        return medical.nifti_load(file, how, number)
    if suffix in tiff.SUFFIXES:
        return tiff.load(file, how)
    if suffix == ".png" and (header := arrays.png_header(file, how)) is not None and not header.deep_grey:
        return arrays.png_load(file, how)
    return _picture(file, how)


def picture_header(path: Path) -> Header:
    """The header of a picture, for a side whose rules make it a raster."""
    with open_image(path) as image:
        deep = image.mode.startswith("I") or image.mode == "F"
        dtype = {"F": "float32", "I": "int32"}.get(image.mode, "uint16") if deep else "uint8"
        grey = deep or image.mode in ("1", "L", "LA")
        return Header(image.size, 1 if grey else 3, dtype, alpha=image.has_transparency_data)


def expand(files: Sequence[Path], how: How, limit: float) -> tuple[Path, ...]:
    """The images in files: a volume becomes its slices, and a DICOM series is put in the order of its positions."""
    series = [file for file in files if suffix_of(file) == ".dcm"]
    if series:
        keys = {file: (file.parent.as_posix(), *medical.dicom_position(file)) for file in series}
        ordered = iter(sorted(series, key=lambda file: keys[file]))
        files = [next(ordered) if file in keys else file for file in files]
    found: list[Path] = []
    for file in files:
        header = header_of(file, how) if suffix_of(file) in (".dcm", ".nii", ".nii.gz") else None
        found += slice_paths(file, header.slices) if header is not None and header.slices else [file]
    return tuple(found if len(found) <= limit else found[: int(limit)])


def _picture(path: Path, how: How) -> Stored:
    with open_image(path) as image:
        if image.mode.startswith("I") or image.mode == "F":
            transparent = image.info.get("transparency")  # of a deep grey PNG: the one value that is transparent
            empty = float(transparent) if isinstance(transparent, int) else None
            return with_mask(np.array(image)[None], (how.nodata, empty))
        alpha = np.array(image.convert("RGBA"))[..., 3] if image.has_transparency_data else None
        values = np.array(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
        return with_alpha(planes(values).copy(), alpha, how)


def _begins(path: Path, starts: tuple[bytes, ...]) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) in starts
    except OSError:
        return False
