"""CLIP (Radford et al., 2021), whose features depend less on ImageNet's classes than Inception's (Kynkäänniemi et al.,
2023)."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.extractor_weights import hash_of_weights, loading
from cut.evaluation.features.torchscript import read_torchscript
from cut.evaluation.features.vision_transformer import VisionTransformer, timm_and_file
from cut.registry import EXTRACTORS

_ADVICE = "give OpenAI's ViT-L-14-336px.pt (or ViT-B-32.pt, ViT-B-16.pt, ViT-L-14.pt) with --clip_weights"
_NETWORKS = {  # by width, side of a patch and places
    (768, 32, 50): ("ViT-B/32", "vit_base_patch32_clip_quickgelu_224"),
    (768, 16, 197): ("ViT-B/16", "vit_base_patch16_clip_quickgelu_224"),
    (1024, 14, 257): ("ViT-L/14", "vit_large_patch14_clip_quickgelu_224"),
    (1024, 14, 577): ("ViT-L/14@336", "vit_large_patch14_clip_quickgelu_336"),
}


class CLIP(VisionTransformer):
    """The embedding of an image, not normalised."""


@EXTRACTORS.register("clip")
def clip(clip_weights: str | None = None) -> Extractor:
    """The image encoder of one of OpenAI's files, which is never downloaded; its size follows from the file.

    Raises:
        UserError: without timm or a file, or when the file is damaged or of another network.
    """
    create_model, as_in_timm, file = timm_and_file("clip", clip_weights, _ADVICE)
    weights, digest = _read(file)
    patches, places = weights.get("visual.conv1.weight"), weights.get("visual.positional_embedding")
    known = None
    if patches is not None and places is not None and patches.ndim == 4 and places.ndim == 2:
        known = _NETWORKS.get((patches.shape[0], patches.shape[3], places.shape[0]))
    if known is None:
        raise UserError(f"{file} (SHA-256 {digest}) holds the weights of another network; {_ADVICE}.")
    title, name = known
    network: Any = create_model(name, pretrained=False)
    with loading(file, digest, _ADVICE):
        network.load_state_dict(as_in_timm({name: value.float() for name, value in weights.items()}, network))
    side = network.patch_embed.img_size[0]
    identity = f"CLIP {title} {digest}, antialiased bicubic to {side}, embedding"
    return CLIP(f"CLIP {title}", network.num_classes, identity, network)


def _read(file: Path) -> tuple[dict[str, Tensor], str]:
    """The weights in a file, which OpenAI publishes as a TorchScript archive, and its SHA-256.

    Raises:
        UserError: when it is missing or damaged, or holds something else.
    """
    digest = hash_of_weights(file, _ADVICE)
    try:
        weights = read_torchscript(file)
    except Exception as error:  # damage and other kinds of files lead to errors of many kinds
        raise UserError(
            f"{file} (SHA-256 {digest}) is damaged or no file of OpenAI's ({type(error).__name__}); {_ADVICE}."
        ) from None
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise UserError(f"{file} (SHA-256 {digest}) holds weights that are not finite numbers; {_ADVICE}.")
    return weights, digest
