"""The held-out images whose translations have the largest error: where a trained generator fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cut.errors import UserError
from cut.evaluation.comparison.held_out import HeldOut, Shown, held_out
from cut.evaluation.evaluator import translation_of
from cut.evaluation.features.extraction import chosen_extractor, image_set
from cut.evaluation.protocols.saved_epochs import epoch_name, held_out_set
from cut.evaluation.translate.trained import trained_generator, weight_file
from cut.measures import MEASURES
from cut.options import Options
from cut.precision import Arithmetic
from cut.training.evaluation_table import significant


@dataclass(frozen=True)
class WorstImage:
    """One held-out image.

    Attributes:
        name: of its file.
        scores: what was measured of it, by label, the error that the images are ordered by first.
        pictures: uint8 (H, W, 3) by caption: the source, its translation, and what it is compared with.
    """

    name: str
    scores: Mapping[str, str]
    pictures: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class WorstImages:
    """Those of one run, the largest error first.

    Attributes:
        run: its name, with the epoch of its weights.
        about: a sentence on what the error is.
    """

    run: str
    about: str
    images: Sequence[WorstImage]


def worst_images(options: Options, epoch: str, count: int, device: torch.device | str = "cpu") -> WorstImages:
    """The held-out images of a run with the largest error, of the val split, else of test, as training measures them.

    Where the images of both sides are pairs, the error is the root of the mean squared difference to the real image.
    Without pairs it is the distance to the nearest real image in the features of `--feature_extractor`: how far a
    translation is from everything real.

    Args:
        options: as from `run_options`.
        epoch: label of saved weights.
        count: images; all where there are fewer.

    Raises:
        UserError: when the run has no such weights, or there are no held-out images or no weights of the extractor.
    """
    if options.data.dataset_mode == "singleimage":
        raise UserError(f"{options.run.name} was trained on two pictures, so there are no held-out images to order.")
    weight_file(options, epoch)
    images = held_out(options, held_out_set(options))
    arithmetic = Arithmetic.of(options, device)
    translation = translation_of(trained_generator(options, epoch), arithmetic, images, options.run.seed)
    if images.pairs:
        found = _of_pairs(images, translation, count)
        error = "root of the mean squared difference to the real image of the same name, of values 0 to 255"
    else:
        found = _without_pairs(images, translation, count, options, device)
        extractor = options.evaluation.feature_extractor
        error = f"distance to the nearest of {len(images.target)} real images in the features of {extractor}"
    about = f"The {len(found)} of {len(images.source)} images of {images.split} with the largest error: the {error}."
    return WorstImages(f"{options.run.name}, {epoch_name(options, epoch)}", about, found)


Translation = Callable[[int], Shown]


def _of_pairs(images: HeldOut, translation: Translation, count: int) -> list[WorstImage]:
    errors, scores = [], []
    for index in range(len(images.source)):
        real, fake = images.target.shown(index).values, translation(index).values
        errors.append(float(np.sqrt(np.square(real.astype(float) - fake).mean())))
        scores.append({one.label: significant(one.compute(real, fake)) for one in MEASURES.needing("pairs")})
    return [
        WorstImage(
            images.source.files[index].name,
            {"RMSE": significant(errors[index]), **scores[index]},
            _side_by_side(images, translation, index, "real image", index),
        )
        for index in largest(errors, count)
    ]


def _without_pairs(
    images: HeldOut, translation: Translation, count: int, options: Options, device: torch.device | str
) -> list[WorstImage]:
    extractor = chosen_extractor(options.evaluation, device)
    # Not from the cache of features, which keeps them in the order of other folders with the same images.
    real, fake = (
        torch.from_numpy(image_set(extractor, pictures).features).double()
        for pictures in (
            images.target.all_pixels(),
            (translation(index).picture for index in range(len(images.source))),
        )
    )
    errors, nearest = torch.cdist(fake, real).min(dim=1)
    return [
        WorstImage(
            images.source.files[index].name,
            {"distance": significant(errors[index].item())},
            _side_by_side(images, translation, index, "nearest real image", int(nearest[index])),
        )
        for index in largest(errors.tolist(), count)
    ]


def _side_by_side(images: HeldOut, translation: Translation, index: int, what: str, real: int) -> dict[str, np.ndarray]:
    return {
        "source": images.source.pixels(index),
        "translation": translation(index).picture,
        f"{what} {images.target.files[real].name}": images.target.pixels(real),
    }


def largest(errors: Sequence[float], count: int) -> list[int]:
    """Places of the largest values, the largest first; of equal ones the earlier first."""
    return sorted(range(len(errors)), key=lambda index: -errors[index])[:count]
