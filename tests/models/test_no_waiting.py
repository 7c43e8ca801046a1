"""A step never waits for the device, and makes no tensor on another one: run on `meta`, whose tensors have no values.

There `.item()`, `.tolist()` and `bool(tensor)` are errors, and so is almost every operation with a tensor of the CPU.
"""

import pytest
import torch

from cut.data.batch import Batch
from cut.options import train_options
from cut.registry import MODELS
from cut.training.steps import step_generator
from tests.methods import METHODS, words

VARIANTS = {name: words(name, ema_decay=0.9) for name in METHODS} | {
    "R1": words("cut", lambda_R1=1, R1_every=2, lambda_identity=1),
    "all negatives": words("cut", nce_includes_all_negatives_from_minibatch="true"),
    "all negatives, hdce": words("hdce", nce_includes_all_negatives_from_minibatch="true"),
    "wgangp": words("cut", gan_mode="wgangp"),
    "batch norm": words("cut", normG="batch", normD="batch"),
    "augmentation": words("cut", diffaugment="color,translation,cutout"),
    "spectral norm": words("cut", spectral_norm=True),
    "dropout": words("cut", no_dropout="false"),
    "recomputed blocks": words("cut", checkpoint_blocks=True),
    "focal": words("cut", nce_loss="focal"),
    "published windows": words("qs_local_global", qs_windows="published"),
    "cycle loss": words("distance_gan", use_cycle_loss=True, gan_mode="wgangp"),
    "two sides": words("dcl", no_dropout="false", gan_mode="wgangp"),
    "one scale": words("drit", concat="false", dis_scale=1, no_ms=True),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_reads_no_value(variant):
    several = [] if variant == "simdcl" else ["--batch_size", "2"]
    options = train_options(["--dataroot", "x", *VARIANTS[variant], *several])
    method = MODELS[options.run.model].factory(options, "meta")
    side = options.data.crop_size
    batch = Batch(*torch.rand(2, options.data.batch_size, 3, side, side))
    for step in range(3):  # pools fill, averages and moments begin
        draws = method.draw_share(batch, step_generator(0, step), 1, 2, step)
        logs = method.train_step(batch, draws)
        method.move_averages(step)
        assert all(loss.is_meta and loss.ndim == 0 for loss in logs.values())
