"""Options → the trained generator, ready to translate."""

import torch

from cut.evaluation.translator import Translator
from cut.models.build import build_generator
from cut.networks.weights import load_weights, read_weights
from cut.options import Options
from cut.registry import MODELS
from cut.training.checkpoints import best_row, network_file
from cut.training.evaluation import describe_details, describe_measures


def load_translator(options: Options, device: torch.device | str = "cpu") -> Translator:
    """The generator of a run with the weights of `--epoch`. No other network is made.

    Args:
        options: as from `test_options`, which reads the architecture from the run's saved options.
        device: where it is to run.

    Raises:
        UserError: when the epoch was not saved, or its weights are of another architecture.
    """
    name = MODELS[options.run.model].factory.translator_name(options)
    file = network_file(options.run.folder, options.run.epoch, name)
    generator = build_generator(options)
    load_weights(generator, read_weights(file), str(file))
    best = best_row(options.run.folder) if options.run.epoch == "best" else None
    if best is not None:
        print(f"The best epoch is {best.epoch}: {describe_measures(best)}; {describe_details(best)}")
    if options.run.verbose:
        print(generator)
    return Translator(
        generator,
        device,
        training=not options.testing.eval,
        tile_size=options.testing.tile_size,
        seed=options.run.seed,
    )
