"""Results of images that are not pictures of 8 bits: in the units of their side, and in the kind of file that came."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.formats.derived import Volume, dicom_bytes
from cut.data.formats.georeference import fits, geotiff_bytes, is_georeferenced, without_data
from cut.data.formats.kinds import ARRAY_SUFFIXES, header_of, suffix_of
from cut.data.formats.ranges import Scale, stored_scales
from cut.data.formats.stored import library, split_slice
from cut.data.formats.tiff import SUFFIXES as TIFF
from cut.data.formats.writing import array_bytes, result_suffix
from cut.data.views import View
from cut.errors import UserError
from cut.options import Options
from cut.training.atomic import write_atomically


class ResultValues:
    """Writes translations as values. Threads may share it.

    Args:
        options: of test.py.
        dataset: the images to translate, once checked.
        scenes: further files, which are translated from disk.

    Attributes:
        scale: of the side that is translated into.
        view: how pictures of results are shown.

    Raises:
        UserError: when the library that a kind of file needs is missing.
    """

    def __init__(self, options: Options, dataset: ImageDataset, scenes: Sequence[Path] = ()) -> None:
        self.chosen, self.dataset, self.view = options.formats.output_format, dataset, View.of(options)
        self.scenes = frozenset(scenes)
        self.run = f"{options.run.name} {options.run.epoch}"
        letter, channels = "B" if options.data.direction == "AtoB" else "A", options.data.output_nc
        known = stored_scales(options.run.folder).get(letter)
        self.scale, self.are_pictures = known or Scale.of_pictures(channels, ".png"), known is None
        self.bands = self.scale.result_bands
        self.axis = int(options.formats.slice_axis)
        self._volumes: dict[Path, Volume] = {}
        self._lock = threading.Lock()
        if scenes:
            library("rasterio", f"The scene {scenes[0]}")
        for file in {suffix_of(file): file for file in dataset.source.files}.values():
            self._check(file)

    def wanted(self, source: Path) -> bool:
        """Whether a source gets a result of values; else it gets a picture of 8 bits."""
        if source in self.scenes:
            return True
        if self.chosen == "png":
            return False
        special = self.dataset.source.reading is not None or not self.are_pictures or self.chosen != "auto"
        return special or (suffix_of(source) in TIFF and is_georeferenced(source))

    def place(self, picture: Path, source: Path) -> Path:
        """Where the values of a source go whose picture would be `picture`; the slices of a volume share one file."""
        chosen = "tif" if source in self.scenes else self.chosen
        suffix = result_suffix(chosen, suffix_of(source), self.scale.dtype, self.bands)
        if suffix != ".nii.gz":
            return picture.with_suffix(suffix)
        whole = picture.parent if split_slice(source)[1] is not None else picture
        return whole.with_name(whole.name.removesuffix(".gz").removesuffix(".png").removesuffix(".nii") + suffix)

    def is_preview(self, place: Path) -> bool:
        """Whether a file that was asked for by name can hold nothing but a picture of 8 bits."""
        suffix = suffix_of(place)
        if suffix == ".png":
            return result_suffix("auto", ".png", self.scale.dtype, self.bands) != ".png"
        return suffix not in (*ARRAY_SUFFIXES, *TIFF)

    def save(self, place: Path, image: Tensor, source: Path, valid: Tensor | None = None) -> None:
        """
        Args:
            place: its suffix gives the kind of file.
            image: (C, H, W) in [−1, 1].
            source: the file that was translated, or a slice of one.
            valid: bool (1, H, W), where the source has data; None where all is data.
        """
        values, suffix = self.scale.to_physical(image.float().cpu().numpy()), suffix_of(place)
        mask = None if valid is None or valid.shape[1:] != image.shape[1:] else valid[0].numpy()
        if suffix in (".nii", ".nii.gz"):
            self._add_slice(place, values, source)
        elif suffix == ".dcm":
            whole = self._shows_all(source)
            write_atomically(place, dicom_bytes(self._one(values, place), self.scale, source, whole, self.run))
        elif suffix in TIFF and suffix_of(source) in TIFF and self._shows_all(source) and is_georeferenced(source):
            write_atomically(place, geotiff_bytes(values, source, mask))
        else:
            nodata = self._nodata(source) if suffix != ".png" else None
            write_atomically(place, array_bytes(without_data(values, mask, nodata), suffix, nodata))

    def finish(self) -> list[str]:
        """Write volumes of which slices are missing; a sentence on each."""
        notes = []
        for place, volume in self._volumes.items():
            write_atomically(place, volume.content(self._shows_all(volume.source), self.run))
            notes.append(f"{place} lacks {len(volume.missing)} slices, which hold its least value.")
        self._volumes.clear()
        return notes

    def _add_slice(self, place: Path, values: np.ndarray, source: Path) -> None:
        file, number = split_slice(source)
        with self._lock:
            volume = self._volumes.setdefault(place, Volume(file, self.axis, self.scale.dtype))
            volume.add(number or 0, self._one(values, place)[0])
            if volume.missing:
                return
            del self._volumes[place]
        write_atomically(place, volume.content(self._shows_all(source), self.run))

    def _shows_all(self, source: Path) -> bool:
        return self.dataset.preprocessing.keeps_all(self.dataset.source.pixel_size(source))

    def _nodata(self, source: Path) -> float | None:
        """What marks pixels without data in a result: the source's own value where it fits, else NaN for floats."""
        header = header_of(source, self.dataset.how)
        value = self.dataset.how.nodata if header is None or header.nodata is None else header.nodata
        if value is not None and fits(value, self.scale.dtype):
            return value
        return np.nan if np.dtype(self.scale.dtype).kind == "f" else None

    def _one(self, values: np.ndarray, place: Path) -> np.ndarray:
        if len(values) == 1:
            return values
        raise UserError(f"{place} can hold one band, not {len(values)}: use --output_format tif or npy.")

    def _check(self, source: Path) -> None:
        """Ask for the library before the first image is translated."""
        if self.wanted(source):
            suffix = result_suffix(self.chosen, suffix_of(source), self.scale.dtype, self.bands)
            if suffix == ".tif" and suffix_of(source) in TIFF and is_georeferenced(source):
                library("rasterio", f"To keep its georeference, {source}")
            elif suffix == ".png" and self.bands == 3 and self.scale.dtype == "uint16":
                library("imagecodecs", "A PNG of 16 bits in colour")
