"""Translations of DICOM and NIfTI as files of the same kind, with what stays true of their sources."""

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np

from cut.data.formats.medical import from_view, volume_shape
from cut.data.formats.ranges import Scale
from cut.data.formats.stored import explained, library, split_slice

# Who, which study, and where in the body. How the source was acquired is not true of a translation.
_KEPT = (
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime",
    "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "BodyPartExamined", "Laterality",
    "PatientPosition", "InstanceNumber", "AcquisitionNumber",
)  # fmt: skip
_GEOMETRY = (
    "FrameOfReferenceUID", "PositionReferenceIndicator", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "SliceLocation",
)  # fmt: skip
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def dicom_bytes(values: np.ndarray, scale: Scale, source: Path, whole: bool, run: str) -> bytes:
    """Values (1, H, W) as DICOM, marked as derived from its source.

    Args:
        scale: of the values; those that their type cannot store are rescaled by it, alike for all images of a run.
        source: the DICOM file, or a frame of one.
        whole: whether the result shows all of the source; else it has no position.
        run: name of the run and epoch, of which the identifiers of the result are made.
    """
    file, frame = split_slice(source)
    pydicom = library("pydicom", file)
    with explained(file):
        old = pydicom.dcmread(file, stop_before_pixels=True)
        new = pydicom.Dataset()
        for keyword in (*_KEPT, *(_GEOMETRY if whole and frame is None else ())):
            if keyword in old:
                new[keyword] = old[keyword]
        _identify(pydicom, new, old, run, frame)
        if "PixelSpacing" in new and "ImagePositionPatient" in new and "ImageOrientationPatient" in new:
            _resize(new, old, values.shape[1:])
        _store(new, values[0], scale)
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, new, enforce_file_format=True)
        return stream.getvalue()


def _identify(pydicom: Any, new: Any, old: Any, run: str, frame: int | None) -> None:
    def uid(of: str) -> str:
        return pydicom.uid.generate_uid(entropy_srcs=[str(old.get(of, "")), run, str(frame)])

    new.SOPClassUID, new.SOPInstanceUID = _SECONDARY_CAPTURE, uid("SOPInstanceUID")
    new.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[str(old.get("SeriesInstanceUID", "")), run])
    new.Modality, new.ConversionType = "OT", "WSD"
    new.SeriesDescription, new.SeriesNumber = f"Translation by {run}"[:64], None
    new.ImageType = ["DERIVED", "SECONDARY"]
    new.DerivationDescription = f"Translated by a neural network, run {run}; not an acquired image"
    of = pydicom.Dataset()
    of.ReferencedSOPClassUID = old.get("SOPClassUID", _SECONDARY_CAPTURE)
    of.ReferencedSOPInstanceUID = old.get("SOPInstanceUID", "")
    if frame is not None:
        of.ReferencedFrameNumber, new.InstanceNumber = frame + 1, frame + 1
    new.SourceImageSequence = pydicom.Sequence([of])
    new.file_meta = pydicom.dataset.FileMetaDataset()
    new.file_meta.TransferSyntaxUID = _EXPLICIT_LITTLE_ENDIAN


def _resize(new: Any, old: Any, shape: tuple[int, ...]) -> None:
    """Spacing of the pixels and the centre of the first one, where the result has other pixels than the source."""
    factors = np.array([int(old.Rows) / shape[0], int(old.Columns) / shape[1]])
    if (factors == 1).all():
        return
    before = np.array(new.PixelSpacing, float)  # between rows, between columns
    along_row, down_column = np.reshape(np.array(new.ImageOrientationPatient, float), (2, 3))
    shift = (before * factors - before) / 2
    position = np.array(new.ImagePositionPatient, float) + down_column * shift[0] + along_row * shift[1]
    new.PixelSpacing = [round(float(value), 8) for value in before * factors]
    new.ImagePositionPatient = [round(float(value), 6) for value in position]


def _store(new: Any, values: np.ndarray, scale: Scale) -> None:
    """The pixels in 8 or 16 bits, and how they are rescaled."""
    slope, intercept = 1.0, 0.0
    if str(values.dtype) not in ("uint8", "int16", "uint16"):
        low, high = (min(scale.low), max(scale.high)) if scale.low else (0.0, 1.0)
        slope, intercept = max(high - low, 1e-12) / 65535, low
        values = ((values.astype(np.float64) - intercept) / slope).round().clip(0, 65535).astype(np.uint16)
    bits = 8 * values.dtype.itemsize
    new.Rows, new.Columns = values.shape
    new.SamplesPerPixel, new.PhotometricInterpretation = 1, "MONOCHROME2"
    new.BitsAllocated, new.BitsStored, new.HighBit = bits, bits, bits - 1
    new.PixelRepresentation = int(values.dtype.kind == "i")
    new.RescaleSlope, new.RescaleIntercept, new.RescaleType = f"{slope:.10g}"[:16], f"{intercept:.10g}"[:16], "US"
    new.PixelData = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes()


class Volume:
    """A NIfTI result, filled slice by slice.

    Args:
        source: the volume that its slices come from.
        axis: along which.
        dtype: of the result.
    """

    def __init__(self, source: Path, axis: int, dtype: str) -> None:
        self.source, self.axis, self.dtype = source, axis, "uint8" if dtype == "bool" else dtype
        self.image = library("nibabel", source).load(source)
        self.shape = volume_shape(source, self.image)
        self.missing = set(range(self.shape[axis]))
        self._values: np.ndarray | None = None

    def add(self, number: int, picture: np.ndarray) -> None:
        """Slice `number`, (H, W) as it is shown."""
        plane = from_view(picture)
        if self._values is None:
            shape = list(plane.shape)
            shape.insert(self.axis, self.shape[self.axis])
            self._values = np.full(shape, picture.min(), self.dtype)
        self._values[tuple(number if axis == self.axis else slice(None) for axis in range(3))] = plane
        self.missing.discard(number)

    def content(self, whole: bool, run: str) -> bytes:
        """The file, compressed; slices that are missing hold the least value of the first one.

        Args:
            whole: whether slices show all of their sources; else the result has no place in space.
        """
        nibabel, values = library("nibabel", self.source), self._values
        if values is None:
            raise ValueError("no slice was added")
        affine = None
        if whole:
            factors = np.array([old / new for old, new in zip(self.shape, values.shape, strict=True)])
            affine = self.image.affine @ np.block(
                [[np.diag(factors), (factors[:, None] - 1) / 2], [np.zeros((1, 3)), np.ones((1, 1))]]
            )
        result = nibabel.Nifti1Image(values, affine, dtype=values.dtype)
        if whole:
            for name in ("qform", "sform"):
                if hasattr(self.image.header, f"get_{name}"):
                    getattr(result, f"set_{name}")(affine, int(self.image.header[f"{name}_code"]))
        if hasattr(self.image.header, "get_xyzt_units"):
            result.header.set_xyzt_units(self.image.header.get_xyzt_units()[0])
        result.header["descrip"] = f"derived: translation by {run}"[:79]
        return gzip.compress(result.to_bytes(), mtime=0)
