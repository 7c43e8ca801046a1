"""A tiny generator saved as a run, and tiny images to translate."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import cut  # noqa: F401 fills the registries
from cut.models.build import build_generator
from cut.networks.weights import export_weights
from cut.options import test_options

ARCHITECTURE = ["--netG", "resnet_4blocks", "--ngf", "4"]

TINY_OPTIONS = (
    "--netG resnet_4blocks --ngf 2 --ndf 2 --netF_nc 8 --num_patches 8 --nce_layers 0,2 --netD n_layers --n_layers_D 2 "
    "--gpu_ids -1 --num_threads 0 --display_id 0"
).split()
"""A CUT that trains within a second, as on the command line."""


def write_image(path: Path, size=(24, 20), seed=0, mode="RGB", **save) -> Path:
    """A picture of noise with a gradient, (width, height) `size`."""
    width, height = size
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 60, (height, width, 3)) + np.linspace(0, 190, width).astype(int)[None, :, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).convert(mode).save(path, **save)
    return path


def save_generator(folder: Path, arguments=(), label="latest") -> None:
    """Only `{label}_net_G.pth`, as people publish them."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    generator = build_generator(test_options([*ARCHITECTURE, *arguments]))
    torch.save(export_weights(generator), folder / f"{label}_net_G.pth")
