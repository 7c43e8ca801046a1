"""DRN-D-22, a segmentation network (Yu, Koltun and Funkhouser, "Dilated Residual Networks", CVPR 2017)."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.errors import UserError
from cut.networks.weights import read_weights

_WIDTHS = (16, 32, 64, 128, 256, 512, 512, 512)
_STRIDES = (1, 2, 2, 2, 1, 1, 1, 1)  # of base.1 … base.8
_DILATIONS = (1, 1, 1, 1, 2, 4, 2, 1)
_BLOCK_STAGES = range(2, 6)  # base.3 … base.6 are residual, the others plain convolutions
_UP = 8  # the maps are this much smaller than the image
_MEAN = (0.29010095242892997, 0.32808144844279574, 0.28696394422942517)  # of Cityscapes' training photographs
_STD = (0.1829540508368939, 0.18656561047509476, 0.18447508988480435)


class DRN22(nn.Module):
    """(B, 3, H, W) in [0, 1] → the logarithms of the class probabilities (B, classes, H, W).

    H and W are multiples of 8. Names and shapes of the weights are those of the published `drn_d_22_cityscapes.pth`. It
    is meant for evaluation: it starts in evaluation mode, and its weights get no gradient.

    Args:
        classes: 19 for Cityscapes.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int = 19) -> None:
        super().__init__()
        stages: list[nn.Module] = [_plain(3, 16, kernel=7)]
        width = 16
        for number, (wider, stride, dilation) in enumerate(zip(_WIDTHS, _STRIDES, _DILATIONS, strict=True)):
            if number in _BLOCK_STAGES:
                blocks = [BasicBlock(width, wider, stride, dilation), BasicBlock(wider, wider, 1, dilation)]
                stages.append(nn.Sequential(*blocks))
            else:
                stages.append(_plain(width, wider, stride=stride, dilation=dilation))
            width = wider
        self.base = nn.Sequential(*stages)
        self.seg = nn.Conv2d(width, classes, 1)
        self.up = nn.ConvTranspose2d(classes, classes, 2 * _UP, _UP, _UP // 2, groups=classes, bias=False)
        self.up.weight = nn.Parameter(_bilinear(2 * _UP).expand(classes, 1, -1, -1).clone())
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def logits(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), normalised → (B, classes, H / 8, W / 8), before the upsampling."""
        return self.seg(self.base(image))

    def forward(self, image: Tensor) -> Tensor:
        return F.log_softmax(self.up(self.logits((image - self.mean) / self.std)), dim=1)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut: (B, in_width, H, W) → (B, width, H / stride, W / stride)."""

    def __init__(self, in_width: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_width, width, 3, stride, dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, 1, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_width != width:
            projection = nn.Conv2d(in_width, width, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


def read_drn22(file: Path | str, classes: int = 19) -> DRN22:
    """The network with the weights of a file: a state dict, or a checkpoint of the training code (`state_dict`).

    Raises:
        UserError: when it is missing or damaged, or holds another network or another number of classes.
    """
    weights = read_weights(file, part="state_dict")
    network = DRN22(classes)
    own = network.state_dict()
    seg = weights.get("seg.weight")
    if seg is not None and seg.ndim == 4 and len(seg) != classes:
        raise UserError(f"The weights in {file} tell {len(seg)} classes apart, not {classes}: give others.")
    counts = {name for name in own if name.endswith("num_batches_tracked")}  # absent before PyTorch 0.4.1, never read
    wrong = [name for name, tensor in weights.items() if name not in own or own[name].shape != tensor.shape]
    wrong += sorted(own.keys() - weights.keys() - counts)
    if wrong:
        raise UserError(f"{file} holds the weights of another network than DRN-D-22 (see {wrong[0]}): give others.")
    broken = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise UserError(f"{file} holds numbers that are not finite (in {broken[0]}): download or copy it again.")
    network.load_state_dict(weights, strict=False)
    return network


def _plain(in_width: int, width: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(in_width, width, kernel, stride, dilation), nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _conv(in_width: int, width: int, kernel: int, stride: int, dilation: int) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return nn.Conv2d(in_width, width, kernel, stride, padding, dilation, bias=False)


def _bilinear(side: int) -> Tensor:
    """(side, side): the kernel with which a transposed convolution interpolates linearly."""
    place = torch.arange(side) / (side / 2)
    line = 1 - (place - (side - 1) / side).abs()
    return line[:, None] * line
