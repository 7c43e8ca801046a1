"""A CUT with fresh weights of G and F, saved as a run."""

from pathlib import Path

import torch

from cut.models.cut import CUT
from cut.networks.weights import export_weights
from cut.options import train_options
from cut.options.machinery.printing import as_yaml

WORDS = ("--netG resnet_4blocks --ngf 4 --ndf 4 --netF_nc 8 --num_patches 6 --nce_layers 0,4,8 --netD n_layers "
         "--n_layers_D 2 --load_size 32 --crop_size 32 --gpu_ids -1").split()  # fmt: skip


def save_contrastive_run(folder: Path, *words: str) -> CUT:
    options = train_options(["--dataroot", "x", "--name", folder.name, *WORDS, *words])
    model = CUT(options)
    folder.mkdir(parents=True)
    for name in ("G", "F"):
        torch.save(export_weights(model.networks[name]), folder / f"latest_net_{name}.pth")
    (folder / "options.yaml").write_text(as_yaml(options), encoding="utf-8")
    return model
