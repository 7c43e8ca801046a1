"""The features of VGG-16 (Simonyan and Zisserman, ICLR 2015) that perceptual losses compare."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.networks.instance_norm import InstanceNorm
from cut.networks.weights import load_weights, read_weights
from cut.precision import full

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions, with a max-pool between stages
_MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet, in the 8-bit values that the published weights expect


class VGG16(nn.Module):
    """(B, 3, H, W) in [−1, 1], RGB → relu5_3, (B, 512, H / 16, W / 16), each map with mean 0 and variance 1.

    Layers are named conv1_1 … conv5_3, as in the file that MUNIT's and similar programs made of the first published
    weights, which take BGR in 0 … 255. Its weights do not learn.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for stage, (width, count) in enumerate(_STAGES, 1):
            for number in range(1, count + 1):
                self.add_module(f"conv{stage}_{number}", nn.Conv2d(channels, width, 3, padding=1))
                channels = width
        self.standardise = InstanceNorm(channels)
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        x = (image.flip(1) + 1) * 127.5 - image.new_tensor(_MEAN_BGR).view(3, 1, 1)
        for name, layer in self.named_children():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(layer(x)) if name.startswith("conv") else self.standardise(full(x))
        return x


def read_vgg16(file: Path | str) -> VGG16:
    """VGG-16 with the weights of a file.

    Raises:
        UserError: when it is missing, cannot be read, or holds something else.
    """
    with torch.device("meta"):
        network = VGG16()
    network = network.to_empty(device="cpu")
    load_weights(network, read_weights(file), str(file))
    return network
