"""Options for images as scientists have them: many bands, deep values, volumes, lists of files."""

from dataclasses import dataclass

from cut.options.machinery.declare import option
from cut.options.machinery.format_words import (
    band_list,
    centre_and_width,
    number,
    range_rule,
    stretch,
    turn_words,
)

AXES = ("0", "1", "2")
OUTPUT_FORMATS = ("auto", "png", "tif", "npy")


@dataclass(frozen=True)
class FormatOptions:
    """How files of many bands, deep values, georeference or volumes are read, shown and written."""

    dataroot_A: str | None = option(
        None, "images of side A: a folder, a .txt or .csv list, or a glob, instead of dataroot/{phase}A", fixed=True
    )
    dataroot_B: str | None = option(None, "the same for side B", fixed=True)
    bands_A: str | None = option(
        None, "bands to read of side A, in this order, counted from 1: 4,3,2", check=band_list, fixed=True,
        from_training=True,
    )  # fmt: skip
    bands_B: str | None = option(None, "the same for side B", check=band_list, fixed=True, from_training=True)
    pages: str = option(
        "first", "of a TIFF of several pages: the first, or all as bands", choices=("first", "bands"), fixed=True,
        from_training=True,
    )  # fmt: skip
    value_range: str = option(
        "auto",
        "which values become −1 and 1: dtype (all that an integer can be), MIN,MAX, percentile:1,99 of the training "
        "files for each band, or per_image; auto: dtype for 8 and 16 bits without sign, else percentile:0,100",
        check=range_rule,
        fixed=True,
        from_training=True,
    )
    value_range_A: str | None = option(
        None, "the same for side A alone", check=range_rule, fixed=True, from_training=True
    )
    value_range_B: str | None = option(
        None, "the same for side B alone", check=range_rule, fixed=True, from_training=True
    )
    strict_range: bool = option(
        False, "refuse files with values outside MIN,MAX instead of clipping them", flag=True, from_training=True
    )
    nodata: str | None = option(
        None, "value that marks pixels without data, beside NaN and what the file itself says",
        check=number, fixed=True, from_training=True,
    )  # fmt: skip
    dicom_window: str | None = option(
        None, "DICOM: CENTRE,WIDTH of the window that becomes −1 … 1, in the units of the rescaled values",
        check=centre_and_width, fixed=True, from_training=True,
    )  # fmt: skip
    slice_axis: str = option(
        "2", "NIfTI: the axis along which a volume is cut into slices", choices=AXES, fixed=True, from_training=True
    )
    preview_bands: str | None = option(
        None, "three bands, or one, that previews, pages and feature networks see: 4,3,2; counted from 1, after "
        "--bands_A and --bands_B. Default: the first three, or the first", check=band_list, from_training=True,
    )  # fmt: skip
    preview_stretch: str = option(
        "none", "percentiles of a picture that previews show as black and white: 2,98; none: the whole range",
        check=stretch, from_training=True,
    )  # fmt: skip
    augment: str = option(
        "none", "further random turns of training images: none, or some of rot90,vflip", phase="train",
        check=turn_words, fixed=True,
    )  # fmt: skip
    output_format: str = option(
        "auto", "file type of translations into a side of deep or many bands, in its numbers and units; "
        "auto: that of the input where it can hold them, else tif; png: pictures of 8 bits",
        phase="test", choices=OUTPUT_FORMATS,
    )  # fmt: skip

    def bands(self, letter: str) -> tuple[int, ...] | None:
        """The bands of side "A" or "B", counted from 0; None for those that the files have."""
        text = self.bands_A if letter == "A" else self.bands_B
        return None if text is None else tuple(int(part) - 1 for part in text.split(","))

    def range_of(self, letter: str) -> str:
        """The rule of values of side "A" or "B"."""
        return self.own_range_of(letter) or self.value_range

    def own_range_of(self, letter: str) -> str | None:
        """The rule that was given for side "A" or "B" alone."""
        return self.value_range_A if letter == "A" else self.value_range_B

    def root_of(self, letter: str) -> str | None:
        """Where the images of side "A" or "B" are, when it was said."""
        return self.dataroot_A if letter == "A" else self.dataroot_B

    @property
    def no_data_value(self) -> float | None:
        return None if self.nodata is None else float(self.nodata)

    @property
    def window(self) -> tuple[float, float] | None:
        """The least and the greatest value of `--dicom_window`."""
        if self.dicom_window is None:
            return None
        centre, width = map(float, self.dicom_window.split(","))
        return centre - width / 2, centre + width / 2

    @property
    def turns(self) -> frozenset[str]:
        return frozenset() if self.augment == "none" else frozenset(self.augment.split(","))
