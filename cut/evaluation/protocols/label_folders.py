"""Folders of label images from any network: the class of each pixel, and how far two folders agree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cut.data.files import EXTENSIONS, images_in
from cut.data.images import open_image, read_image
from cut.data.pair_names import by_name
from cut.errors import UserError
from cut.evaluation.comparison.confusion import Confusion, resize_nearest
from cut.evaluation.comparison.palette import VOID, Palette

VOID_ID = 255  # as in Cityscapes' train ids
LABEL_IDS = "_gtFine_labelIds"  # which are other numbers
_FEW = 3  # names in a message
_GRAY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class Agreement:
    """The comparison of so many predicted images with the true ones; `resized` had another size than those."""

    confusion: Confusion
    images: int
    resized: int


def compare_label_folders(
    true: Path, predicted: Path, palette: Palette, ids: bool = False, progress: Callable[[list], Iterable] = iter
) -> Agreement:
    """Count the classes of the pixels in two folders of label images with equal names (suffixes may differ).

    A prediction of another size is resized to the truth by the nearest pixel.

    Args:
        ids: see `read_labels`.
        progress: wraps the list of pairs.

    Raises:
        UserError: when a folder is missing or empty, the names differ, or an image cannot be used.
    """
    pairs = paired_files(true, predicted)
    confusion, resized = Confusion(palette.classes), 0
    for true_file, predicted_file in progress(pairs):
        truth, prediction = (read_labels(file, palette, ids) for file in (true_file, predicted_file))
        resized += prediction.shape != truth.shape
        confusion.add(truth, resize_nearest(prediction, truth.shape))
    return Agreement(confusion, len(pairs), resized)


def read_labels(file: Path, palette: Palette, ids: bool = False) -> np.ndarray:
    """The class of each pixel of a label image.

    An image of one gray channel holds class ids, 255 being void; any other holds colours, and the nearest colour of the
    palette gives the class.

    Args:
        ids: take indexed images (mode "P") and colour images with three equal channels for class ids as well.

    Returns:
        int16 (H, W): the number of the class, or `VOID`.

    Raises:
        UserError: naming the file, when it cannot be read, or has ids beyond the classes, or colours in spite of `ids`,
            or is called as Cityscapes calls its label ids.
    """
    if file.stem.endswith(LABEL_IDS):  # whose ids may all be those of other classes
        raise UserError(
            f"{file} holds Cityscapes' label ids, by its name: give the train ids (*_labelTrainIds.png), or colours "
            "(*_color.png)."
        )
    with open_image(file) as image:
        if image.mode in _GRAY or (ids and image.mode == "P"):
            return _from_ids(np.array(image).astype(np.int64), file, palette)
    pixels = np.asarray(read_image(file, channels=3))
    if not ids:
        return palette.classify(pixels)
    if (pixels != pixels[..., :1]).any():
        raise UserError(f"{file} has colours, not class ids; leave out --ids.")
    return _from_ids(pixels[..., 0].astype(np.int64), file, palette)


def _from_ids(ids: np.ndarray, file: Path, palette: Palette) -> np.ndarray:
    last = len(palette.classes) - 1
    beyond = np.setdiff1d(ids, [*range(last + 1), VOID_ID])
    if beyond.size:
        raise UserError(
            f"{file} has the class id {beyond[-1]}, but the ids of {palette.name} are 0 to {last}, and {VOID_ID} for "
            "void (train ids, not the label ids of Cityscapes' labelIds files); convert it to these ids, or save its "
            "colours as an RGB image."
        )
    return np.where(ids == VOID_ID, VOID, ids).astype(np.int16)


def paired_files(
    true: Path, predicted: Path, named_by: Callable[[Sequence[Path], Path], dict[str, Path]] = by_name
) -> list[tuple[Path, Path]]:
    """The files of two folders that have the same names, whatever their order.

    Args:
        named_by: gives the files of a folder their names; by default those that differ in their suffix alone are
            refused, and what another leaves out takes no part.

    Raises:
        UserError: when a folder is missing or empty, or a name is on one side only or there twice.
    """
    files, named = {}, {}
    for folder in (true, predicted):
        files[folder] = images_in(folder, suffixes=EXTENSIONS)
        named[folder] = named_by(files[folder], folder)
        if len(named[folder]) < len(files[folder]) and named_by is by_name:
            twins = [twin.stem for twin in sorted(set(files[folder]) - set(named[folder].values()))]
            raise UserError(f"{folder} has several images named {_few(twins)}; keep one of each.")
    names, others = named[true].keys(), named[predicted].keys()
    lonely = [
        f"{_few(sorted(missing))} only in {folder}"
        for missing, folder in ((names - others, true), (others - names, predicted))
        if missing
    ]
    if lonely:
        raise UserError(f"The two folders must have images of the same names, but {' and '.join(lonely)}.")
    return [(named[true][name], named[predicted][name]) for name in sorted(names)]


def _few(names: list[str]) -> str:
    rest = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {rest} more" if rest > 0 else "")
