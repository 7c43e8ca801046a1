"""Files for the tests, made by the libraries of their formats."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AFFINE = np.array([[1.5, 0, 0, -30], [0, 1.5, 0, -40], [0, 0, 3, -50], [0, 0, 0, 1.0]])


def dicom(path: Path, stored: np.ndarray, position: float, number: int, intercept: int = -1024) -> None:
    """An image (H, W), or frames (N, H, W), at a position along the body."""
    data = pydicom.Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid(entropy_srcs=[path.name])
    data.StudyInstanceUID, data.SeriesInstanceUID = (generate_uid(entropy_srcs=[word]) for word in ("study", "series"))
    data.PatientName, data.PatientID, data.Modality = "Test^One", "7", "CT"
    data.KVP, data.WindowCenter, data.WindowWidth = "120", "40", "400"
    data.InstanceNumber, data.ImageType = number + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.ImagePositionPatient, data.ImageOrientationPatient = [-9.0, -8.0, position], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [0.5, 0.75], "10"
    if stored.ndim == 3:
        data.NumberOfFrames = len(stored)
    data.Rows, data.Columns = stored.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    data.RescaleSlope, data.RescaleIntercept = 1, intercept
    data.PixelData = stored.tobytes()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def nifti(path: Path, volume: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti1Image(volume, AFFINE), path)
