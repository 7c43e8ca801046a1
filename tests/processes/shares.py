"""Run by torchrun: trains the same few steps alone with whole batches, then together with shares of them.

The first process prints how far the weights of each case are apart, as JSON.
"""

import json
import sys
from typing import Any

import torch

from cut.data.batch import Batch
from cut.models.method import Method
from cut.options import train_options
from cut.processes.group import is_first, joined, own_share
from cut.registry import MODELS
from cut.training.steps import step_generator
from cut.training.unread_losses import Losses
from tests.methods import words

STEPS, BATCH = 3, 4
TINY = (
    "--dataroot x --netG resnet_4blocks --netD n_layers --n_layers_D 2 --ngf 4 --ndf 4 --load_size 32 --crop_size 32"
    " --batch_size 4 --lr 0.001 --normG group --normD group"
)
CASES = {
    "CUT": "--num_patches 16",
    "FastCUT": "--CUT_mode FastCUT --num_patches 16",
    "all negatives": "--num_patches 16 --nce_includes_all_negatives_from_minibatch true",
    "negatives of earlier images": "--num_patches 16 --nce_memory 6",
    "hard negatives": "--num_patches 16 --nce_loss hdce --nce_idt true --HDCE_gamma 0.1",
    "hard negatives of all": "--num_patches 4 --nce_loss hdce --nce_includes_all_negatives_from_minibatch true",
    "modulated": "--num_patches 16 --nce_loss monce",
    "modulated, one plan": "--num_patches 4 --nce_loss monce --nce_includes_all_negatives_from_minibatch true",
    "query selection": "--num_patches 16 --nce_sampler qs_global --nce_layers 0,4,8,12",
    "batch norm": "--num_patches 16 --normG batch --normD batch",
    "batch norm and R1": "--num_patches 16 --normD batch --lambda_R1 1",
    "WGAN-GP": "--num_patches 16 --gan_mode wgangp",
    "dropout": "--num_patches 16 --no_dropout false",
    "recomputed dropout": "--num_patches 16 --no_dropout false --checkpoint_blocks --layout channels_last",
    "augmentation": "--num_patches 16 --diffaugment color,translation,cutout",
    "averages": "--num_patches 16 --ema_decay 0.9",
}
POOLED = {"cycle_gan": 3, "dcl": 3, "gc_gan_share": 3, "gc_gan_cross": 3, "gc_gan_mix": 3, "distance_gan": 3}
"""Other methods, with the size of the pool, which fills in the middle of a batch."""
OTHERS: dict[str, dict[str, Any]] = {name: {"pool_size": size} for name, size in POOLED.items()}
OTHERS |= {
    "selfdistance": {"A_to_B": None, "use_cycle_loss": True},
    "pix2pix": {"gan_mode": "wgangp"},
    "munit": {},
    "sincut": {},
}
OTHERS |= {"hdce": {"normG": "batch"}, "fastcut": {"normD": "batch", "gan_mode": "wgangp"}}


def words_of(case: str) -> list[str]:
    if case in CASES:
        return [*TINY.split(), *CASES[case].split()]
    return ["--dataroot", "x", *words(case, batch_size=BATCH, **OTHERS[case])]


def trained(case: str, share: slice) -> tuple[Method, list[dict[str, float]]]:
    options = train_options(words_of(case))
    method = MODELS[options.run.model].factory(options, dtype=torch.float64)
    side = options.data.crop_size
    logs = []
    for step in range(STEPS):
        images = torch.Generator().manual_seed(step)
        batch = Batch(*(torch.rand(2, BATCH, 3, side, side, generator=images, dtype=torch.float64) * 2 - 1))
        draws = method.draw_share(batch.map(lambda side: side[share]), step_generator(0, step), 1, 1, step)
        logs.append(dict(Losses(method.train_step(batch.map(lambda side: side[share]), draws))))
        method.move_averages(step)
    return method, logs


def weights(method: Method) -> list[torch.Tensor]:
    networks = [*method.networks.values(), *method.averages.values()]
    return [tensor.double() for network in networks for tensor in network.state_dict().values()]


def main(names: list[str]) -> None:
    alone = {name: trained(name, slice(None)) for name in names}
    errors = {}
    with joined(torch.device("cpu")):
        for name in names:
            together, logs = trained(name, own_share(BATCH // torch.distributed.get_world_size()))
            one, one_logs = alone[name]
            pairs = zip(weights(together), weights(one), strict=True)
            loss_pairs = zip(logs, one_logs, strict=True)
            errors[name] = {
                "weights": max(float((a - b).abs().max()) for a, b in pairs),
                "losses": max(abs(a[key] - b[key]) for a, b in loss_pairs for key in b),
            }
        if is_first():
            print(json.dumps(errors))


if __name__ == "__main__":
    main(sys.argv[1:] or [*CASES, *OTHERS])
