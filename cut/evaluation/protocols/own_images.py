"""Translating one's own images: an image or a folder in, a folder of translations of the same names and sizes out."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from cut.data.batch import Sample
from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import images_in, left_out
from cut.data.formats.survey import survey
from cut.errors import UserError
from cut.evaluation.protocols.each_image import for_each_image
from cut.evaluation.protocols.result_files import Results, is_picture_file, make_folder, output_names, target_scale
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

    With `--num_style N` the results of NAME are NAME_1.png … NAME_N.png.
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
    to_file = is_picture_file(options.testing.output)
    if to_file and Path(options.testing.input).is_dir():
        raise UserError(f"--output {output} is the name of an image, but --input is a folder: give a folder.")
    folder, files = find_inputs(Path(options.testing.input), output)
    dataset = OwnImages(options, folder, files[: int(min(len(files), options.data.max_dataset_size))])
    files = dataset.source.files[: int(min(len(dataset), options.testing.num_test))]
    dataset.source = replace(dataset.source, files=files)
    outputs = [output / name for name in output_names([file.relative_to(folder) for file in files])]
    if to_file:
        outputs = [output]
    inputs = {file.resolve() for file in files}
    for result in (file for path in outputs for file in results_of(path, translation_count(options))):
        if result.resolve() in inputs:
            raise UserError(f"The result {result} would overwrite an input: give another --output.")
    dataset.check()
    side = dataset.source
    if note := dataset.brightness(side):
        print(note)
    for note in survey(side.letter, side.reading, side.files):
        print(note)
    translate = load_translator(options, device)
    make_folder(output.parent if to_file else output)

    results = Results(options, target_scale(options))

    def save(index: int, sample: Sample, translation: Tensor) -> None:
        translations = translation.chunk(translation_count(options))
        for file, picture in zip(results_of(outputs[index], len(translations)), translations, strict=True):
            results.save(file, picture, files[index])

    return for_each_image(options, dataset, len(files), translate, save).conclude(output)


def results_of(path: Path, count: int) -> list[Path]:
    """The files of so many translations of one image: `path`, or NAME_1.png, NAME_2.png, … for several."""
    numbered = [path.with_stem(f"{path.stem}_{number + 1}") for number in range(count)]
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
