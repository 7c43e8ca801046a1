"""What a trained CUT takes for similar: query points, similarity maps of each tap, and principal components as colours.

    python scripts/visualize.py --name RUN --input photo.jpg --points 120,80 40,200
    python scripts/visualize.py --name RUN --input datasets/maps/testA --num 4      several images: components too
    python scripts/visualize.py --name RUN --input photo.jpg --serve                points by clicks, in a browser

A point is X,Y in pixels of the first image, from its upper left corner. A map shows exp(q·k/τ) as a share of its
largest value: q is F's vector of the translation at the point, k that of the input at every place. Several images are
shown by the first three principal components of their vectors as red, green and blue, one image alone without --points
too. docs/figures.md says more.
"""

import argparse
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import numpy as np
from PIL import Image

from cut.data.files import images_in
from cut.data.images import parse_color, read_image, to_tensor
from cut.data.resampling import resize
from cut.errors import UserError, exit_status
from cut.options import Options, test_options, with_negative_values
from cut.training.atomic import write_atomically


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="name of the run")
    parser.add_argument("--input", required=True, nargs="+", type=Path, metavar="X", help="images, or folders of them")
    parser.add_argument("--points", nargs="+", default=[], metavar="X,Y", help="query points in the first image")
    parser.add_argument("--num", type=int, default=4, help="most images (default %(default)s)")
    parser.add_argument("--size", type=int, metavar="N", help="scale the shorter side to N pixels (default: as it is)")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="τ of the maps: larger shows more (default: nce_T of the run)"
    )
    parser.add_argument("--epoch", default="latest", help="which saved weights (default %(default)s)")
    parser.add_argument("--checkpoints_dir", default="./checkpoints", help="folder of the runs (default %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the .png (default results/NAME/similarity.png)")
    parser.add_argument("--arrays", type=Path, metavar="FILE", help="also the maps of the points as an .npz")
    parser.add_argument("--gpu_ids", default="auto", help="as for test.py (default %(default)s)")
    parser.add_argument("--serve", action="store_true", help="choose points by clicks on a page instead")
    parser.add_argument("--host", default="localhost", help="with --serve: 0.0.0.0 serves others, who need the token")
    parser.add_argument("--port", type=int, default=8001, help="with --serve (default %(default)s)")
    return exit_status(lambda: visualize(parser.parse_args(with_negative_values(arguments))))


def visualize(own: argparse.Namespace) -> int:
    """Write the picture, or serve the page."""
    from cut.device import choose_device
    from cut.evaluation.figures.similarity import LearnedSimilarity, check_points
    from cut.evaluation.figures.similarity_picture import Shown, draw_similarity, similarity_arrays

    output = own.output or Path("results") / own.name / "similarity.png"
    points = [parse_point(word) for word in own.points]
    check_words(own, output)
    words = ["--name", own.name, "--checkpoints_dir", own.checkpoints_dir, "--epoch", own.epoch, "--no_ema"]
    options = test_options([*words, "--gpu_ids", own.gpu_ids])
    files = input_files(own.input, own.num)
    learned = LearnedSimilarity(options, choose_device(options.run.gpu_ids), own.temperature)
    sources = [(file.name, read_input(file, own.size, options)) for file in files]
    check_points(points, sources[0][1].shape[2], sources[0][1].shape[1])
    if own.serve:
        from scripts.visualize_view import serve_view

        serve_view(learned, Shown.of(*sources[0], learned), points, own)
        return 0
    images = [Shown.of(name, source, learned) for name, source in sources]
    write_atomically(output, draw_similarity(learned, images, points))
    print(f"The picture is {output}.")
    if own.arrays:
        arrays = similarity_arrays(learned, images[0], points)
        write_atomically(own.arrays, lambda stream: np.savez_compressed(stream, **arrays))
        print(f"The maps are {own.arrays}.")
    return 0


def check_words(own: argparse.Namespace, output: Path) -> None:
    """
    Raises:
        UserError: with a sentence for everything that is wrong on the command line.
    """
    problems = []
    if output.suffix != ".png":
        problems.append(f"--output {output} must end in .png.")
    if own.arrays and own.arrays.suffix != ".npz":
        problems.append(f"--arrays {own.arrays} must end in .npz.")
    if own.arrays and (not own.points or own.serve):
        problems.append("--arrays holds the maps of --points: give some, without --serve.")
    if own.num < 1:
        problems.append(f"--num is {own.num} but must be at least 1.")
    if own.size is not None and own.size < 1:
        problems.append(f"--size is {own.size} but must be at least 1.")
    if own.temperature is not None and not 0 < own.temperature < math.inf:
        problems.append(f"--temperature is {own.temperature:g} but must be above 0.")
    if problems:
        raise UserError(*problems)


def parse_point(word: str) -> tuple[int, int]:
    """ "120,80" as (120, 80).

    Raises:
        UserError: when it is no point.
    """
    x, comma, y = word.partition(",")
    try:
        if not comma:
            raise ValueError
        return int(x), int(y)
    except ValueError:
        raise UserError(f"--points {word} is no point: write X,Y in pixels, as in 120,80.") from None


def input_files(given: list[Path], most: int) -> list[Path]:
    """The images, those of folders in order of their names.

    Raises:
        UserError: when there is no such file, or a folder has none.
    """
    files: list[Path] = []
    for path in given:
        if not path.exists():
            raise UserError(f"--input {path} does not exist.")
        files += images_in(path, most) if path.is_dir() else [path]
    return files[:most]


def read_input(file: Path, size: int | None, options: Options):
    """(C, H, W) in [−1, 1]; the shorter side scaled to `size` pixels where that is given."""
    channels = options.data.input_nc
    image = read_image(file, channels, parse_color(options.data.alpha_background))
    if size is not None:
        scale = size / min(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = resize(image, (width, height), Image.Resampling.BICUBIC)
    return to_tensor(image, channels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
