"""The papers' protocol: translate a data set's test images and show them on a web page."""

from pathlib import Path

import torch
from torch import Tensor

from cut.data.batch import Sample
from cut.data.loader import make_dataset
from cut.data.views import View
from cut.errors import counted
from cut.evaluation.protocols.each_image import for_each_image
from cut.evaluation.protocols.result_files import make_folder, output_names, save_picture
from cut.evaluation.protocols.result_values import ResultValues
from cut.evaluation.protocols.results_page import ResultRow, write_results_page
from cut.evaluation.translate.trained import load_translator
from cut.models.styles import style_label, translation_count
from cut.options import Options


def translate_dataset(options: Options, device: torch.device | str = "cpu") -> int:
    """Translate the images of `--phase` in `--dataroot`, preprocessed as published.

    Writes `images/{real_A,fake_B,real_B}/NAME.png` and `index.html` into `results_dir/name/{phase}_{epoch}`: source,
    translation and, where the data set has one, the target at the same position. Sub-folders are kept in NAME. With
    `--num_style 3` the second and third translations are in fake_B_2 and fake_B_3. Translations of files that are no
    pictures of 8 bits, or into a side of such, are also in `values/fake_B`, in the kind of their sources. The reverse
    direction of a method that translates both ways goes to `{phase}_{epoch}_back`, with real_B, fake_A and real_A.

    Returns:
        The exit status.

    Raises:
        UserError: before the first image, for options, data or weights that cannot be used.
        RunFailed: after the last, when one could not be read.
    """
    dataset = make_dataset(options)
    for note in dataset.notes():
        print(note)
    translate = load_translator(options, device)
    way = f"{options.run.phase}_{options.run.epoch}{'_back' if options.backward else ''}"
    folder = Path(options.testing.results_dir) / options.run.name / way
    files = [file.relative_to(dataset.source.folder) for file in dataset.source.files]
    names = output_names(files)
    source, target = "BA" if options.backward else "AB"  # as published: A is what the run was trained to translate

    values, view = ResultValues(options, dataset), View.of(options)

    def save(index: int, sample: Sample, translation: Tensor) -> ResultRow:
        translations = translation.chunk(translation_count(options))
        images = {f"real_{source}": sample.source}
        images |= {style_label(f"fake_{target}", number): image for number, image in enumerate(translations)}
        if sample.target is not None:
            images[f"real_{target}"] = sample.target
        for label, image in images.items():
            mask = sample.target_valid if image is sample.target else sample.source_valid
            save_picture(folder / "images" / label / names[index], view(image, mask))
            file = dataset.source.files[index]
            if label.startswith("fake") and values.wanted(file):
                place = values.place(folder / "values" / label / names[index], file)
                values.save(place, image, file, sample.source_valid)
        links = {label: (Path("images") / label / names[index]).as_posix() for label in images}
        return ResultRow(files[index].as_posix(), links)

    make_folder(folder)
    count = int(min(len(dataset), options.testing.num_test))
    outcome = for_each_image(options, dataset, count, translate, save)
    for note in values.finish():
        print(note)
    details = {
        "checkpoint": f"{options.run.folder.as_posix()}, epoch {options.run.epoch}",
        "data": dataset.source.folder.as_posix(),
        "images": str(outcome.done),
        "preprocess": options.data.preprocess,
    }
    title = f"{options.run.name}: {options.run.phase}, epoch {options.run.epoch}"
    page = write_results_page(folder, title, outcome.saved, details, options.monitoring.display_winsize)
    _mention_older_results(folder / "images" / f"fake_{target}", outcome.done)
    return outcome.conclude(page)


def _mention_older_results(folder: Path, written: int) -> None:
    """A measure over the folder would silently include what an earlier, longer run left there."""
    older = sum(1 for _ in folder.rglob("*.png")) - written
    if older > 0:
        print(f"{folder} also holds {counted(older, 'image')} of an earlier run.")
