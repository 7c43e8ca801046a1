"""Every method with networks that take a step within a tenth of a second: the table of the tests that all must pass."""

from typing import Any

RESNET = {
    "netG": "resnet_4blocks", "ngf": 4, "ndf": 4, "netD": "n_layers", "n_layers_D": 2, "load_size": 36, "crop_size": 32,
}  # fmt: skip
CONTRAST = {"netF_nc": 8, "num_patches": 8, "nce_layers": "0,4,8"}
QUERIES = RESNET | CONTRAST | {"nce_layers": "0,4,8,12", "num_patches": 16}
METHODS: dict[str, dict[str, Any]] = {
    "cut": RESNET | CONTRAST,
    "fastcut": RESNET | CONTRAST | {"CUT_mode": "FastCUT"},
    "hdce": RESNET | CONTRAST | {
        "nce_loss": "hdce", "nce_idt": "true", "use_curriculum": True, "HDCE_gamma": 5, "HDCE_gamma_min": 0.1,
    },
    "monce": RESNET | CONTRAST | {"nce_loss": "monce", "monce_eps": 0.1},
    "qs_global": QUERIES | {"nce_sampler": "qs_global"},
    "qs_local": QUERIES | {"nce_sampler": "qs_local"},
    "qs_local_global": QUERIES | {"nce_sampler": "qs_local_global"},
    "sincut": {
        "model": "sincut", "ngf": 2, "ndf": 2, "load_size": 32, "crop_size": 32, "netF_nc": 8, "batch_size": 2,
        "max_dataset_size": 10,
    },
    "cycle_gan": RESNET | {"model": "cycle_gan", "pool_size": 2},
    "dcl": RESNET | CONTRAST | {"model": "dcl", "pool_size": 2},
    "simdcl": RESNET | {"model": "simdcl", "nce_layers": "4,8,12", "load_size": 64, "crop_size": 64},
    "gc_gan_share": RESNET | {"model": "gcgan", "batch_size": 1, "pool_size": 2},
    "gc_gan_cross": RESNET | {"model": "gc_gan_cross", "batch_size": 1, "pool_size": 2, "geometry": "vf"},
    "gc_gan_mix": RESNET | {"model": "gc_gan_mix", "batch_size": 1, "pool_size": 2},
    "distance_gan": RESNET | {
        "model": "distancegan", "netG": "resnet_6blocks_zero_pad", "pool_size": 2, "max_items": 3, "batch_size": 2,
    },
    "selfdistance": RESNET | {
        "model": "distancegan", "netG": "resnet_6blocks_zero_pad", "pool_size": 2, "use_self_distance": True,
        "A_to_B": True, "batch_size": 1,
    },
    "pix2pix": RESNET | {"model": "pix2pix", "netG": "unet_128", "load_size": 136, "crop_size": 128},
    "munit": {
        "model": "munit", "dim": 2, "style_dim": 3, "mlp_dim": 4, "n_res": 1, "dis_dim": 2, "n_layer": 3,
        "num_scales": 2, "load_size": 36, "crop_size": 32, "recon_x_cyc_w": 10,
    },
    "drit": {"model": "drit", "width": 1, "load_size": 216, "crop_size": 212},
}  # fmt: skip
"""What a run of each is given, by the option's name; True is a flag."""

BOTH_WAYS = ("cycle_gan", "dcl", "simdcl", "distance_gan", "munit", "drit")
"""Those that translate B → A too."""
IMAGES = {name: int(METHODS[name].get("batch_size", 1)) for name in METHODS} | {"drit": 2}
"""The images of a step."""


def words(method: str, **more: Any) -> list[str]:
    """The command line of a method.

    Args:
        more: further options or other values; True stands for a flag, None leaves one out.
    """
    given = {name: value for name, value in (METHODS[method] | more).items() if value is not None}
    pairs = [[f"--{name}"] if value is True else [f"--{name}", str(value)] for name, value in given.items()]
    return [word for pair in pairs for word in pair]
