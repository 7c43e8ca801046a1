"""DINOv2 (Oquab et al., 2023), whose distances agree with people's judgement better than FID (Stein et al., 2023)."""

from typing import Any

from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.extractor_weights import loading, read_extractor_weights
from cut.evaluation.features.vision_transformer import VisionTransformer, timm_and_file
from cut.registry import EXTRACTORS

_SIZES = {384: "small", 768: "base", 1024: "large"}  # by width; with large the distance is the published one
_SIDE = 224  # pixels
_ADVICE = "give Meta's dinov2_vitl14_pretrain.pth (or vits14, vitb14) with --dinov2_weights"


class DINOv2(VisionTransformer):
    """The normalised class token of a picture of 224×224 pixels."""


@EXTRACTORS.register("dinov2")
def dinov2(dinov2_weights: str | None = None) -> Extractor:
    """DINOv2 without registers with the weights of a file, which is never downloaded; its size follows from the file.

    Raises:
        UserError: without timm or a file, or when the file is damaged or of another network.
    """
    create_model, as_in_timm, file = timm_and_file("dinov2", dinov2_weights, _ADVICE)
    weights, digest = read_extractor_weights(file, _ADVICE)
    token = weights.get("cls_token")
    size = _SIZES.get(token.shape[-1]) if token is not None else None
    if size is None:
        raise UserError(f"{file} (SHA-256 {digest}) holds the weights of another network; {_ADVICE}.")
    network: Any = create_model(f"vit_{size}_patch14_dinov2", pretrained=False, num_classes=0, img_size=_SIDE)
    with loading(file, digest, _ADVICE):
        network.load_state_dict(as_in_timm(weights, network))
    identity = f"DINOv2 {size} {digest}, antialiased bicubic to {_SIDE}, class token"
    return DINOv2(f"DINOv2 {size}", network.num_features, identity, network)
