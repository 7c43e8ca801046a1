"""LPIPS of pairs, with the package of its authors and a backbone from a file."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cut.commands import install
from cut.errors import UserError
from cut.evaluation.comparison.held_out import HeldOut
from cut.evaluation.features.extractor_weights import read_extractor_weights
from cut.measures import MEASURES

_FILE = "alexnet-owt-7be5be79.pth"
_SMALLEST = 32  # pixels of a side; AlexNet pools smaller pictures away


class PerceptualDistance:
    """LPIPS 0.1 on AlexNet: the package brings the weights of its linear layers, a file those of AlexNet.

    Args:
        file: of torchvision's AlexNet weights.

    Raises:
        UserError: without the package, or when the file is missing, damaged or of another network.
    """

    def __init__(self, file: str | Path, device: torch.device | str = "cpu") -> None:
        try:
            from lpips import LPIPS
        except ImportError as error:
            raise UserError(f"LPIPS needs its package ({error}): {install('scores')}") from None
        advice = f"give torchvision's {_FILE}"
        weights, digest = read_extractor_weights(Path(file), advice)
        with warnings.catch_warnings(action="ignore"), torch.random.fork_rng(devices=[]):  # of torchvision's old names
            network = LPIPS(net="alex", pnet_rand=True, verbose=False)
        for name, own in network.net.named_parameters():
            found = weights.get("features." + name.partition(".")[2])  # slice2.3.weight is features.3.weight
            if found is None or found.shape != own.shape:
                raise UserError(f"{file} (SHA-256 {digest}) holds the weights of another network; {advice}.")
            own.data.copy_(found)
        self.about = {"network": "AlexNet", "file": Path(file).name, "sha256": digest}
        self.network, self.device = network.eval().requires_grad_(False).to(device), device

    def __call__(self, one: np.ndarray, other: np.ndarray) -> float:
        """The distance of two pictures, uint8 (H, W, 3) of equal sizes."""
        with torch.inference_mode():
            return float(self.network(self._tensor(one), self._tensor(other)))

    def _tensor(self, picture: np.ndarray) -> Tensor:
        return torch.from_numpy(picture).to(self.device).permute(2, 0, 1)[None].float() / 127.5 - 1


class PerceptualScorer:
    """LPIPS of the translations of held-out sources to the real images that these are paired with.

    Raises:
        UserError: when the images are no pairs, or too small.
    """

    def __init__(self, distance: PerceptualDistance, images: HeldOut) -> None:
        if not images.pairs:
            raise UserError(
                f"--lpips_weights compares pairs, but {images.source.folder} and {images.target.folder} do not hold "
                "images of equal names and sizes: leave it out."
            )
        height, width = images.target.pixels(0).shape[:2]
        if min(height, width) < _SMALLEST:
            raise UserError(f"LPIPS needs pictures of at least {_SMALLEST} pixels, not {width}×{height}: leave it out.")
        self.distance, self.target = distance, images.target
        self._distances: list[float] = []

    def begin(self) -> None:
        self._distances = []

    def add(self, index: int, picture: np.ndarray) -> None:
        self._distances.append(self.distance(self.target.pixels(index), picture))

    def measures(self) -> dict[str, float]:
        return perceptual_measures(self._distances)

    def details(self, check: Callable[[], None]) -> dict[str, Any]:
        return {"lpips": self.distance.about}


def perceptual_measures(distances: Sequence[float]) -> dict[str, float]:
    """The measures that need the perceptual distances of pairs, by name."""
    return {measure.name: measure.compute(distances) for measure in MEASURES.needing("perceptual")}
