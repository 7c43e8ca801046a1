"""A feature extractor whose features can be worked out by hand."""

from pathlib import Path

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from cut.evaluation.features.extraction import Extractor, FeatureSet


class Quarters(Extractor):
    """12 features: the mean colour of each quarter of the picture."""

    def __init__(self, identity: str = "quarters") -> None:
        super().__init__("Quarters", 12, identity, nn.Identity())
        self.described = 0  # images so far

    def prepare(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images, 2)

    def describe(self, prepared: Tensor) -> Tensor:
        self.described += len(prepared)
        return prepared.flatten(1)


def features_with(mean, covariance, count=40, title="Inception", seed=0) -> FeatureSet:
    """`count` features with exactly this mean and this unbiased covariance (count > D), up to float32."""
    mean, covariance = np.asarray(mean, float), np.asarray(covariance, float)
    noise = np.random.default_rng(seed).normal(size=(count, len(mean)))
    white, _ = np.linalg.qr(noise - noise.mean(axis=0))  # orthonormal columns of mean zero
    values = white * np.sqrt(count - 1) @ np.linalg.cholesky(covariance).T + mean
    return FeatureSet(title, values.astype(np.float32))


def write_pictures(folder: Path, count: int, side: int = 12, seed: int = 0) -> list[Path]:
    """PNGs of noise, each of another size and mean."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    files = []
    for number in range(count):
        size = (side + number, side + 2 * number, 3)
        values = rng.integers(0, 128, size) + rng.integers(0, 128, 3)
        files.append(folder / f"{number}.png")
        Image.fromarray(values.astype(np.uint8)).save(files[-1])
    return files
