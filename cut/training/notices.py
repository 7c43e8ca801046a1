"""What a user should know about the data and the options together before hours of training."""

import numpy as np
from PIL import Image

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.sample import sample
from cut.networks.norm import hides_level
from cut.options import Options
from cut.registry import GENERATORS

UNIFORM = 15  # of 255 levels: the largest standard deviation of a channel in an image that counts as nearly uniform
MANY = 0.05  # of the images
SAMPLE = 200  # images that are looked at, at most
SIDE = 64  # pixels of the thumbnails that are looked at


def notices(options: Options, dataset: ImageDataset) -> list[str]:
    """Sentences for the start of a run; most runs have none.

    Args:
        options: of the run.
        dataset: of the training images.
    """
    chosen = options.networks
    if not GENERATORS[chosen.netG].accepts("norm") or options.checkpoints.continue_train:
        return []
    if chosen.normG == "none" and chosen.init_type in ("xavier", "normal") and chosen.init_gain < 0.1:
        return [
            f"--normG none with --init_gain {chosen.init_gain:g} starts with a signal that fades from layer to layer: "
            "--init_type xavier --init_gain 1 trains sooner."
        ]
    if not hides_level(chosen.normG) or dataset.source.reading is not None:
        return []
    uniform, seen = count_uniform(dataset.source, dataset.background)
    if uniform < max(2, MANY * seen):
        return []
    return [
        f"{uniform} of {seen} source images are nearly uniform, and --normG {chosen.normG} hides their level "
        "(brightness and colour) from the generator, so all are translated alike: --normG layer or group keeps it."
    ]


def count_uniform(domain: Domain, background: tuple[int, int, int]) -> tuple[int, int]:
    """How many images of a sample are nearly uniform, and how many it has."""
    images = sample(domain.files, SAMPLE, lambda file: domain.picture(file, background))
    uniform = [is_uniform(image) for image in images]
    return sum(uniform), len(uniform)


def is_uniform(image: Image.Image) -> bool:
    """Whether no channel varies by more than `UNIFORM` about its mean, fine noise aside."""
    small = image.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float64).reshape(small.height * small.width, -1)
    return bool(values.std(0).max() <= UNIFORM)
