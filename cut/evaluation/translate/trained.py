"""Options → the trained generator, ready to translate."""

from pathlib import Path
from typing import cast

import torch
from PIL import Image
from torch import Tensor

from cut.data.images import parse_color, read_image, to_tensor
from cut.data.resampling import resize
from cut.errors import UserError
from cut.evaluation.translate.translator import Translator
from cut.models.method import Method
from cut.networks.interface import Generator, StyledGenerator
from cut.options import Options
from cut.precision import Arithmetic
from cut.registry import MODELS
from cut.training.checkpoints import AVERAGE, best_row, fill, network_file, saved_epochs
from cut.training.evaluation_table import describe_details, describe_measures


def weight_file(options: Options, epoch: str) -> Path:
    """The file with the weights of the network that translates, or of the first one that does; the run's method names
    them.

    Where the run kept a moving average of them, that is the one, unless `--no_ema` asks for the weights as trained.

    Raises:
        UserError: when that epoch was not saved, or the method does not translate in the direction that is asked for.
    """
    return network_file(options.run.folder, _label(options, epoch), _networks(options)[0])


def _label(options: Options, epoch: str) -> str:
    """What the names of the files begin with: the epoch, or that of its moving average."""
    average = f"{epoch}{AVERAGE}"
    use_average = not options.testing.no_ema and average in saved_epochs(options.run.folder, _networks(options)[0])
    return average if use_average else epoch


def trained_epochs(options: Options) -> list[str]:
    """The labels of the saved weights of the network that translates, numbers first in order; averages go with them."""
    labels = saved_epochs(options.run.folder, _networks(options)[0])
    return [label for label in labels if label.removesuffix(AVERAGE) not in labels or not label.endswith(AVERAGE)]


def trained_generator(options: Options, epoch: str) -> Generator:
    """What translates in a run, with the weights of an epoch, on the CPU. No other network is built.

    Args:
        epoch: label of saved weights ("5", "best", "latest").

    Raises:
        UserError: as `weight_file`, or when the weights are of another architecture.
    """
    names, label = _networks(options), _label(options, epoch)
    for name in names:
        network_file(options.run.folder, label, name)  # building takes a while
    generator = _method(options).build_translator(options)
    for name, network in zip(names, generator.parts, strict=True):
        fill(network, options.run.folder, label, name)
    return generator


def load_translator(options: Options, device: torch.device | str = "cpu") -> Translator:
    """The generator of a run with the weights of `--epoch`, as test.py translates with it.

    Args:
        options: as from `test_options`, which reads the architecture from the run's saved options.

    Raises:
        UserError: as `trained_generator`, or when the image of `--style` cannot be read.
    """
    generator = trained_generator(options, options.run.epoch)
    if isinstance(generator, StyledGenerator):
        generator.guide = style_guide(options)
    if options.run.epoch == "best":
        _describe_best(options.run.folder)
    if options.run.verbose:
        print(generator)
    training, tile_size = not options.testing.eval, options.testing.tile_size
    arithmetic = Arithmetic.of(options, device)
    return Translator(generator, arithmetic, training=training, tile_size=tile_size, seed=options.run.seed)


def style_guide(options: Options) -> Tensor | None:
    """The image of `--style` as a generator takes it, (1, C, h, w) in [−1, 1]; None where none was given.

    Raises:
        UserError: when it cannot be read.
    """
    file, channels = options.method.style, options.data.output_nc
    if file is None:
        return None
    image = read_image(file, channels, parse_color(options.data.alpha_background))
    scale = options.data.load_size / min(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return to_tensor(resize(image, (width, height), Image.Resampling.BICUBIC), channels)[None]


def _describe_best(folder: Path) -> None:
    try:
        best = best_row(folder)
    except UserError as error:
        print(error)  # the weights can be used without it
        return
    if best is not None:
        print(f"The best epoch is {best.epoch}: {describe_measures(best)}; {describe_details(best)}")


def _networks(options: Options) -> tuple[str, ...]:
    """The names of those that translate."""
    return _method(options).translator_names(options)


def _method(options: Options) -> type[Method]:
    return cast("type[Method]", MODELS[options.run.model].factory)
