"""SinCUT: one picture into the style of one other picture (CUT, section 4.4 and appendix).

CUT on crops of two pictures, with StyleGAN2-style networks, an R1 penalty on D and a pixel identity loss.
"""

from __future__ import annotations

from cut.models.contrastive_options import CONTRASTIVE_RULES, ContrastiveOptions
from cut.models.cut import CUT
from cut.registry import MODELS

_NETWORKS_AND_LOSSES = {
    "dataset_mode": "singleimage",
    "load_size": 1024,
    "crop_size": 64,
    "netG": "stylegan2",
    "ngf": 10,
    "netD": "stylegan2",
    "ndf": 8,
    "lambda_R1": 1.0,
    "nce_layers": "0,2,4",
    "lambda_NCE": 4.0,
    "lambda_identity": 1.0,
    "num_patches": 1,  # of each crop: the negatives are the other crops of the batch
    "nce_includes_all_negatives_from_minibatch": True,
}
_TRAINING = {
    "preprocess": "zoom_and_patch",
    "batch_size": 16,
    "gan_mode": "nonsaturating",
    "lr": 0.002,
    "beta1": 0.0,
    "beta2": 0.99,
    "n_epochs": 8,
    "n_epochs_decay": 8,
    "save_latest_freq": 20000,
    "save_epoch_freq": 1,
}


@MODELS.register(
    "sincut",
    label="SinCUT",
    options=ContrastiveOptions,
    defaults={
        "train": {**_NETWORKS_AND_LOSSES, **_TRAINING},
        "test": {**_NETWORKS_AND_LOSSES, "preprocess": "none"},
    },
    presets={"FastCUT": "fastcut.yaml"},
    rules=CONTRASTIVE_RULES,
)
class SinCUT(CUT):
    """CUT with other networks and settings: nothing of its own, besides what its images are."""
