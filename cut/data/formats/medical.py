"""DICOM by pydicom, NIfTI by nibabel."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cut.data.formats.stored import Header, How, Stored, explained, library, planes, with_mask
from cut.errors import UserError


def dicom_header(path: Path, how: How) -> Header:
    """
    Raises:
        UserError: for DICOM without pixels.
    """
    data = _dicom(path, pixels=False)
    frames = int(data.get("NumberOfFrames", 1) or 1)
    size = (int(data.Columns), int(data.Rows))
    return Header(
        size, int(data.get("SamplesPerPixel", 1)), _dicom_type(data), slices=frames if frames > 1 else None,
        nodata=data.get("PixelPaddingValue"),
    )  # fmt: skip


def dicom_load(path: Path, how: How, number: int | None) -> Stored:
    """The rescaled values (Hounsfield units in CT) of an image, or of frame `number`."""
    data = _dicom(path, pixels=True)
    with explained(path):
        raw = library("pydicom", path).pixels.pixel_array(data, index=number)
        bands = planes(raw)
        padding = data.get("PixelPaddingValue")
        valid = None if padding is None else (bands != padding).all(0)
        slope, intercept = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
        values = bands * slope + intercept if (slope, intercept) != (1.0, 0.0) else bands
        stored = with_mask(values.astype(_dicom_type(data)), (how.nodata,))
        if valid is None or valid.all():
            return stored
        return Stored(stored.values, valid if stored.valid is None else valid & stored.valid)


def dicom_position(path: Path) -> tuple[str, float, int]:
    """What sorts the images of a series: its number, the position along its normal, and the instance's number."""
    data = _dicom(path, pixels=False)
    along = 0.0
    if "ImagePositionPatient" in data and "ImageOrientationPatient" in data:
        row, column = np.reshape(np.asarray(data.ImageOrientationPatient, float), (2, 3))
        along = float(np.cross(row, column) @ np.asarray(data.ImagePositionPatient, float))
    return str(data.get("SeriesInstanceUID", "")), along, int(data.get("InstanceNumber", 0) or 0)


def _dicom(path: Path, pixels: bool) -> Any:
    pydicom = library("pydicom", path)
    with explained(path):
        data = pydicom.dcmread(path, stop_before_pixels=not pixels)
        if "Rows" not in data or "Columns" not in data:
            raise UserError(f"{path} is DICOM without pixel data; remove it from the folder.")
        return data


def _dicom_type(data: Any) -> str:
    """The type of the rescaled values: whole numbers stay whole."""
    slope, intercept = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
    bits, signed = int(data.BitsAllocated), bool(data.get("PixelRepresentation", 0))
    if not (slope.is_integer() and intercept.is_integer()):
        return "float32"
    if (slope, intercept) == (1.0, 0.0):
        return f"{'int' if signed else 'uint'}{bits}"
    return "int16" if bits <= 16 and slope == 1 and abs(intercept) <= 8192 and _stored_bits(data) <= 14 else "int32"


def _stored_bits(data: Any) -> int:
    return int(data.get("BitsStored", data.BitsAllocated))


def nifti_header(path: Path, how: How) -> Header:
    """
    Raises:
        UserError: for a file of 4 dimensions.
    """
    image = _nifti(path)
    with explained(path):
        shape = volume_shape(path, image)
        width, height = (length for axis, length in enumerate(shape) if axis != how.slice_axis)
        return Header((width, height), 1, _nifti_type(image), slices=shape[how.slice_axis])


def nifti_load(path: Path, how: How, number: int | None) -> Stored:
    """Slice `number` along the axis, turned as viewers show it: the second remaining axis runs upwards."""
    image = _nifti(path)
    with explained(path):
        shape = volume_shape(path, image)
        index: list[Any] = [slice(None)] * 3
        index[how.slice_axis] = shape[how.slice_axis] // 2 if number is None else number
        data = image.dataobj[(*index, *([0] * (len(image.shape) - 3)))] if len(image.shape) >= 3 else image.dataobj[:]
        plane = np.asarray(data).astype(_nifti_type(image))
        return with_mask(to_view(plane)[None].copy(), (how.nodata,))


def to_view(plane: np.ndarray) -> np.ndarray:
    """A plane (first axis, second axis) of a volume as rows and columns of a picture."""
    return plane.T[::-1]


def from_view(picture: np.ndarray) -> np.ndarray:
    """The inverse of `to_view`."""
    return picture[::-1].T


@lru_cache(maxsize=4)
def _nifti(path: Path) -> Any:
    nibabel = library("nibabel", path)
    with explained(path):
        return nibabel.load(path)


def volume_shape(path: Path, image: Any) -> tuple[int, int, int]:
    """The lengths of the three axes of a NIfTI image; a flat one has one slice.

    Raises:
        UserError: when there are more than three.
    """
    shape = image.shape
    if len(shape) > 3 and max(shape[3:]) > 1:
        raise UserError(
            f"{path} has {len(shape)} dimensions, {'×'.join(map(str, shape))}: give volumes of 3, one for each time."
        )
    return (*shape[:3], *([1] * (3 - len(shape))))


def _nifti_type(image: Any) -> str:
    """The type of the values after the header's scaling."""
    slope, intercept = (getattr(image.dataobj, name, None) for name in ("slope", "inter"))
    dtype = image.get_data_dtype()
    if slope in (None, 1.0) and intercept in (None, 0.0) and dtype.kind in "ui" and dtype.itemsize <= 4:
        return str(dtype.newbyteorder("="))
    return "float32"
