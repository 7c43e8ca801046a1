"""Scenes that are larger than the memory, translated from disk to disk."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from cut.data.dataset import ImageDataset
from cut.data.formats.georeference import describe, profile_of_result, without_data
from cut.data.formats.kinds import suffix_of
from cut.data.formats.ranges import Scale
from cut.data.formats.scenes import Scene, as_reading
from cut.data.formats.stored import library
from cut.data.formats.tiff import SUFFIXES, pixels
from cut.errors import UserError
from cut.evaluation.protocols.each_image import Outcome
from cut.evaluation.translate.translator import Translator
from cut.training.atomic import write_atomically
from cut.training.interrupt import StopRequest

LARGEST = 2**25
"""Pixels of a TIFF beyond which it is translated from disk."""

ROWS = 256  # of a result that are scaled and written at a time


class Interrupted(Exception):
    """A stop was requested during a scene."""


def is_scene(file: Path) -> bool:
    """Whether a file is a TIFF that is translated from disk."""
    return suffix_of(file) in SUFFIXES and pixels(file) > LARGEST


def translate_scenes(
    dataset: ImageDataset,
    files: Sequence[Path],
    places: Mapping[Path, Path],
    translate: Translator,
    scale: Scale,
    outcome: Outcome[None],
) -> None:
    """Translate scenes, one after the other; `outcome` gets those that were and those that failed."""
    with StopRequest() as stop:
        for file in files:
            try:
                translate_scene(dataset, file, places[file], translate, scale, lambda: stop.signal is not None)
                outcome.saved.append(None)
            except UserError as error:
                outcome.failures += error.problems
            except Interrupted:
                break
        outcome.exit_status = stop.exit_status


def translate_scene(
    dataset: ImageDataset, file: Path, place: Path, translate: Translator, scale: Scale, stopped: Callable[[], bool]
) -> None:
    """Translate a scene into a TIFF at the same place on earth; memory holds some rows of tiles.

    Args:
        dataset: says how the file is read.
        place: of the result.
        scale: of the result.

    Raises:
        Interrupted: soon after `stopped()` became true; then there is no result.
        UserError: when the scene cannot be read, or rasterio is missing.
    """
    rasterio = library("rasterio", f"The scene {file}")
    reading = as_reading(dataset.source.reading, dataset.how, dataset.source.channels)
    with rasterio.open(file) as opened:
        height, width = opened.height, opened.width
    with Scene(file, reading, translate.padded_length(height), translate.padded_length(width)) as scene:
        profile = profile_of_result(scene.source, scale.result_bands, scale.dtype, (width, height))

        def write(name: str) -> None:
            with rasterio.open(name, "w", **profile) as result:
                describe(result, scene.source)
                top, bar = 0, tqdm(total=height, unit="row", disable=None, leave=False, file=sys.stderr)
                for piece in translate.rows(scene):
                    if stopped():
                        raise Interrupted
                    for rows in piece[:, : height - top, :width].split(ROWS, 1):  # without what continues the scene
                        bottom = top + rows.shape[1]
                        values = scale.to_physical(rows.numpy())
                        valid = scene.stored(top, bottom, 0, width).valid
                        kept = without_data(values, valid, profile["nodata"]).astype(profile["dtype"])
                        result.write(kept, window=rasterio.windows.Window(0, top, width, bottom - top))
                        bar.update(bottom - top)
                        top = bottom
                bar.close()

        write_atomically(place, lambda stream: write(stream.name))
