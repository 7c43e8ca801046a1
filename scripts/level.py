"""What a trained generator makes of uniform images: whether it sees the level (brightness and colour) of its input.

    python scripts/level.py --name RUN
    python scripts/level.py --name RUN --epoch best --colors "#020f32,#355e3b,tan" --output level.png

Instance norm removes the level: every uniform image then gives the same output, and nearly uniform ones (sea, desert,
sky, empty background) are translated by chance. docs/faq.md says what to do.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
import numpy as np

from cut.data.images import parse_color, to_8bit, to_image
from cut.errors import UserError, exit_status
from cut.options import test_options
from cut.training.atomic import write_atomically

# Deep sea, shallow sea, forest, grass, desert, ice; then grey from black to white.
COLORS = "#020f32,#1f5f8b,#14280f,#6f7f3f,#c8a878,#f0f4f8,#000000,#404040,#808080,#c0c0c0,#ffffff"
BLIND = 2  # of 255 levels: outputs that are no farther apart are taken for one


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="name of the run")
    parser.add_argument("--checkpoints_dir", default="./checkpoints", help="folder of the runs (default %(default)s)")
    parser.add_argument("--epoch", default="latest", help="which saved weights (default %(default)s)")
    parser.add_argument("--colors", default=COLORS, help="names or #rrggbb, separated by commas (default: %(default)s)")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels (default %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also a .png of inputs (above) and outputs (below)")
    return exit_status(lambda: measure(parser.parse_args(arguments)))


def measure(own: argparse.Namespace) -> int:
    """Translate uniform images, print a line for each and what follows from them."""
    import torch

    from cut.evaluation.translate.trained import load_translator

    if own.output and own.output.suffix != ".png":
        raise UserError(f"--output {own.output} must end in .png.")
    if own.size < 1:
        raise UserError(f"--size is {own.size} but must be at least 1.")
    colors = [parse_color(name.strip(), "--colors") for name in own.colors.split(",")]
    words = ["--name", own.name, "--checkpoints_dir", own.checkpoints_dir, "--epoch", own.epoch, "--gpu_ids", "-1"]
    options = test_options(words)
    side, channels = own.size, options.data.input_nc
    translate = load_translator(options)
    inputs, outputs = [], []
    for color in colors:
        values = torch.tensor(color, dtype=torch.float32) / 127.5 - 1
        values = values if channels == 3 else values.mean(0, keepdim=True)
        inputs.append(values.view(-1, 1, 1).expand(-1, side, side).contiguous())
        outputs.append(translate(inputs[-1]))
    means = np.array([to_8bit(output).reshape(-1, output.shape[0]).mean(0) for output in outputs])
    print("input (red, green, blue)   output, its mean")
    for color, mean in zip(colors, means, strict=True):
        print(
            f"{', '.join(f'{value:3}' for value in color)}              {', '.join(f'{value:5.1f}' for value in mean)}"
        )
    spread = float((means.max(0) - means.min(0)).max())
    if spread <= BLIND:
        print(f"The outputs differ by {spread:.1f} of 255 levels: this generator does not see the level of its input.")
    else:
        print(f"The outputs differ by up to {spread:.0f} of 255 levels: this generator sees the level of its input.")
    if own.output:
        rows = [torch.cat([picture.expand(3, -1, -1) for picture in row], 2) for row in (inputs, outputs)]
        picture = to_image(torch.cat(rows, 1))
        write_atomically(own.output, lambda stream: picture.save(stream, "PNG"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
