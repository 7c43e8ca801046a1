"""Translating one's own images: an image or a folder in, a folder of translations of the same names and sizes out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from cut.data.batch import Sample
from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import images_in, left_out
from cut.data.formats.kinds import suffix_of
from cut.data.formats.stored import split_slice
from cut.data.formats.survey import survey
from cut.errors import UserError
from cut.evaluation.protocols.each_image import for_each_image
from cut.evaluation.protocols.result_files import is_image_file, make_folder, output_names, save_picture
from cut.evaluation.protocols.result_values import ResultValues
from cut.evaluation.protocols.whole_scenes import is_scene, translate_scenes
from cut.evaluation.translate.trained import load_translator
from cut.models.styles import translation_count
from cut.options import Options
from cut.reading import refuse_other_kinds


class OwnImages(ImageDataset):
    """Images to translate, each at its own size; with `--preprocess`, preprocessed as in the papers' protocol."""

    def __init__(self, options: Options, folder: Path, files: tuple[Path, ...]) -> None:
        multiple = 1 if options.data.preprocess == "none" else 4
        letter = "A" if options.data.direction == "AtoB" else "B"
        super().__init__(options, Domain(letter, folder, files, options.data.input_nc), None, multiple)

    def __len__(self) -> int:
        return len(self.source.files)


def translate_files(options: Options, device: torch.device | str = "cpu") -> int:
    """Translate `--input` into `--output`: sub-folders and names are kept, the output is PNG of the input's size.

    Files of many bands, deep values or a place on earth, and files that are translated into such, give results of
    their own kind instead (`ResultValues`). With `--num_style N` the results of NAME are NAME_1.png … NAME_N.png.
    `--output` with the suffix of an image names the file for a single input, in the format of that suffix.

    Returns:
        The exit status.

    Raises:
        UserError: before the first image, for anything that can be known then.
        RunFailed: after the last, when an image could not be read.
    """
    if options.testing.input is None or options.testing.output is None:
        raise UserError("--input and --output go together: give both.")
    output = Path(options.testing.output)
    to_file = is_image_file(options.testing.output)
    if to_file and Path(options.testing.input).is_dir():
        raise UserError(f"--output {output} is the name of an image, but --input is a folder: give a folder.")
    folder, files = find_inputs(Path(options.testing.input), output)
    dataset = OwnImages(options, folder, files[: int(min(len(files), options.data.max_dataset_size))])
    files = dataset.source.files[: int(min(len(dataset), options.testing.num_test))]
    dataset.source = replace(dataset.source, files=files)
    scenes = _scenes(options, files)
    if scenes:
        dataset.settle()
        dataset.source = replace(dataset.source, files=tuple(file for file in files if file not in scenes))
    if dataset.source.files:
        dataset.check()
    values = ResultValues(options, dataset, scenes)
    pictures = [output / name for name in output_names([file.relative_to(folder) for file in files])]
    places = _places(output, to_file, files, pictures, values, translation_count(options))
    inputs = {split_slice(file)[0].resolve() for file in files}
    for result in (file for results in places.values() for file in results):
        if result.resolve() in inputs:
            raise UserError(f"The result {result} would overwrite an input: give another --output.")
    for note in _notes(dataset):
        print(note)
    translate = load_translator(options, device)
    make_folder(output.parent if to_file else output)

    def save(index: int, sample: Sample, translation: Tensor) -> None:
        file = dataset.source.files[index]
        translations = translation.chunk(translation_count(options))
        for place, image in zip(places[file], translations, strict=True):
            if not values.wanted(file) or values.is_preview(place):
                save_picture(place, values.view(image, sample.source_valid))
            else:
                values.save(place, image, file, sample.source_valid)

    outcome = for_each_image(options, dataset, len(dataset), translate, save)
    for note in values.finish():
        print(note)
    outcome.total = len(files)
    if scenes and not outcome.exit_status:
        translate_scenes(dataset, scenes, {file: places[file][0] for file in scenes}, translate, values.scale, outcome)
    return outcome.conclude(output)


def _places(
    output: Path,
    to_file: bool,
    files: Sequence[Path],
    pictures: Sequence[Path],
    values: ResultValues,
    count: int,
) -> dict[Path, list[Path]]:
    """Where the results of each file go, `count` of each."""
    if to_file and len(files) > 1 and suffix_of(output) not in (".nii", ".nii.gz"):
        raise UserError(f"--output {output} is one image, but the input holds {len(files)}: give a folder.")
    places = {}
    for file, picture in zip(files, pictures, strict=True):
        place = output if to_file else values.place(picture, file) if values.wanted(file) else picture
        places[file] = results_of(place, count)
    return places


def _scenes(options: Options, files: Sequence[Path]) -> list[Path]:
    """The files that are translated from disk."""
    scenes = [file for file in files if options.data.preprocess == "none" and is_scene(file)]
    if scenes and translation_count(options) > 1:
        raise UserError(f"{scenes[0]} is translated in parts, once: leave --num_style out.")
    return scenes


def _notes(dataset: OwnImages) -> list[str]:
    side = dataset.source
    found = [dataset.brightness(side), *survey(side.letter, side.reading, side.files)]
    return [note for note in found if note]


def results_of(path: Path, count: int) -> list[Path]:
    """The files of so many translations of one image: `path`, or NAME_1.png, NAME_2.png, … for several."""
    suffix = suffix_of(path)
    stem = path.name[: len(path.name) - len(suffix)]
    numbered = [path.with_name(f"{stem}_{number + 1}{path.name[len(stem) :]}") for number in range(count)]
    return numbered if count > 1 else [path]


def find_inputs(source: Path, output: Path) -> tuple[Path, tuple[Path, ...]]:
    """The folder of the inputs and the inputs in it. Results that lie in a folder inside it are not read again.

    Raises:
        UserError: when there are no inputs, or the results would lie among them.
    """
    if source.is_file():
        return source.parent, (source,)
    if not source.is_dir():
        refuse_other_kinds(source)
    if not source.exists():
        raise UserError(f"There is no file or folder {source} to translate: check --input.")
    if output.resolve() == source.resolve():
        raise UserError(f"--input and --output are the same folder, {source}: give another --output.")
    nested = source.resolve() in output.resolve().parents
    files = tuple(file for file in images_in(source) if not (nested and output.resolve() in file.resolve().parents))
    if not files:
        raise UserError(f"All images in {source} are in the folder of the results, {output}: there is nothing else.")
    if others := left_out(source, without=output):
        print(others)
    return source, files
