"""What extractors that are vision transformers of timm share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from cut.commands import install
from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor


class VisionTransformer(Extractor):
    """A picture is resized to the network's own size bicubically, antialiased, and normalised as it was trained."""

    network: Any  # timm has few types

    def prepare(self, images: Tensor) -> Tensor:
        size = self.network.patch_embed.img_size
        resized = F.interpolate(images, size, mode="bicubic", align_corners=False, antialias=True)
        mean, std = (resized.new_tensor(self.network.pretrained_cfg[name]).view(3, 1, 1) for name in ("mean", "std"))
        return (resized.clamp(0, 1) - mean) / std

    def describe(self, prepared: Tensor) -> Tensor:
        return self.network(prepared)  # (B, 3, S, S) → (B, size)


def timm_and_file(
    extractor: str, weights: str | None, advice: str
) -> tuple[Callable[..., Any], Callable[..., dict[str, Tensor]], Path]:
    """timm's `create_model`, its function that makes a vision transformer's weights of published ones, and the file.

    Args:
        extractor: its name.
        weights: the file that the user gave.
        advice: which file to give.

    Raises:
        UserError: without timm, which is optional, or without a file.
    """
    try:
        from timm import create_model
        from timm.models.vision_transformer import checkpoint_filter_fn
    except ImportError as error:
        raise UserError(f"The extractor {extractor} needs timm ({error}): {install('scores')}") from None
    if weights is None:
        raise UserError(f"The extractor {extractor} needs a file of its weights, which is not downloaded: {advice}.")
    return create_model, checkpoint_filter_fn, Path(weights)
