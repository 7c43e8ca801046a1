"""A step never waits for the device, and makes no tensor on another one: run on `meta`, whose tensors have no values.

There `.item()`, `.tolist()` and `bool(tensor)` are errors, and so is almost every operation with a tensor of the CPU.
"""

import pytest
import torch

from cut.data.batch import Batch
from cut.options import train_options
from cut.registry import MODELS
from cut.training.steps import step_generator

TINY = "--dataroot x --netG resnet_4blocks --netD n_layers --n_layers_D 2 --ngf 4 --ndf 4 --load_size 32 --crop_size 32"
VARIANTS = {
    "cut": "--num_patches 16",
    "R1 and average": "--num_patches 16 --lambda_R1 1 --R1_every 2 --ema_decay 0.9 --lambda_identity 1",
    "all negatives": "--num_patches 16 --nce_includes_all_negatives_from_minibatch true",
    "fastcut": "--CUT_mode FastCUT --num_patches 16",
    "wgangp": "--num_patches 16 --gan_mode wgangp",
    "batch norm": "--num_patches 16 --normG batch --normD batch",
    "augmentation": "--num_patches 16 --diffaugment color,translation,cutout",
    "spectral norm": "--num_patches 16 --spectral_norm",
    "dropout": "--num_patches 16 --no_dropout false",
    "recomputed blocks": "--num_patches 16 --checkpoint_blocks",
    "focal": "--num_patches 16 --nce_loss focal",
    "hdce": "--num_patches 16 --nce_loss hdce --use_curriculum --nce_includes_all_negatives_from_minibatch true",
    "monce": "--num_patches 16 --nce_loss monce",
    "qs_global": "--num_patches 16 --nce_sampler qs_global",
    "qs_local": "--num_patches 16 --nce_sampler qs_local --CUT_mode FastCUT",
    "qs_local_global": "--num_patches 16 --nce_sampler qs_local_global --qs_windows published",
    "cyclegan": "--model cycle_gan --pool_size 2",
    "dcl": "--model dcl --num_patches 16 --pool_size 2",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_reads_no_value(variant):
    options = train_options([*TINY.split(), "--batch_size", "2", *VARIANTS[variant].split()])
    method = MODELS[options.run.model].factory(options, "meta")
    batch = Batch(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    for step in range(3):  # pools fill, averages and moments begin
        draws = method.draw_share(batch, step_generator(0, step), 1, 2, step)
        logs = method.train_step(batch, draws)
        method.move_averages(step)
        assert all(loss.is_meta and loss.ndim == 0 for loss in logs.values())
