"""Photographs made from Cityscapes' label maps, scored as the papers do: a segmentation network labels them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cut.data.images import read_stored
from cut.data.pair_names import by_name
from cut.errors import UserError
from cut.evaluation.comparison.confusion import Confusion, resize_nearest
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.comparison.segmenter import PROTOCOL_SIZE, Segmenter
from cut.evaluation.protocols.label_folders import paired_files, read_labels

_ENDINGS = ("_gtFine_labelTrainIds", "_gtFine_color", "_gtFine_labelIds")  # of Cityscapes' files; the first there is
_KNOWN = re.compile(r"_gtFine_\w+$|_leftImg8bit$")
_PHOTO = "_leftImg8bit"


@dataclass(frozen=True)
class PhotoScores:
    """How many photographs were labelled, and what of.

    Attributes:
        confusion: of all pixels.
        images: how many.
        size: width and height at which they were compared; None for that of each label image.
    """

    confusion: Confusion
    images: int
    size: tuple[int, int] | None


def score_photographs(
    true: Path,
    photos: Path,
    segmenter: Segmenter,
    palette: Palette,
    ids: bool = False,
    own_size: bool = False,
    progress: Callable[[list], Iterable] = iter,
) -> PhotoScores:
    """Label the photographs and compare with the label images of the same names.

    Label images are resized to 256×128 by the nearest pixel and photographs bicubically, as in the public scripts.

    Args:
        ids: see `read_labels`.
        own_size: resize the photographs to each label image instead.
        progress: wraps the list of pairs.

    Raises:
        UserError: when a folder is missing or empty, the names differ, or an image cannot be used.
    """
    pairs = paired_files(true, photos, frames)
    confusion = Confusion(palette.classes)
    for label_file, photo_file in progress(pairs):
        labels = read_labels(label_file, palette, ids)
        if not own_size:
            labels = resize_nearest(labels, PROTOCOL_SIZE[::-1])
        found = segmenter.label(read_stored(photo_file), (labels.shape[1], labels.shape[0]))
        confusion.add(labels, found)
    return PhotoScores(confusion, len(pairs), None if own_size else PROTOCOL_SIZE)


def frames(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Files by name; where they are called as Cityscapes calls them, by frame, whatever city's folder they are in.

    Of several label images of a frame those of train ids count, else those of colours.

    Raises:
        UserError: when two files would have one name.
    """
    ending = next((one for one in (*_ENDINGS, _PHOTO) if any(file.stem.endswith(one) for file in files)), None)
    if ending is not None:
        kept = [file for file in files if file.stem.endswith(ending)]
        other = [file for file in files if not _KNOWN.search(file.stem)]
        if other:
            raise UserError(f"{folder} mixes files of Cityscapes with others, such as {other[0].name}: keep one kind.")
        named = {file.stem.removesuffix(ending): file for file in kept}
    else:
        kept, named = list(files), by_name(files, folder)
    if len(named) < len(kept):
        twin = next(file for file in kept if file not in named.values())
        raise UserError(f"{folder} has several images named {twin.stem}; keep one of each.")
    return named
