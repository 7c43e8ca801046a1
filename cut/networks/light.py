"""The light networks of SimDCL (Han et al., CVPR Workshops 2021): all patches of an image in one vector."""

from torch import Tensor, nn

from cut.networks.heads import unit_length
from cut.precision import exact

FEATURES = 64
"""Elements of the vector; the published width."""


class LightNetwork(nn.Module):
    """The head's vectors of all taps → one vector of unit length.

    A tap's vectors are a picture of one channel to it: patches by features.

    Args:
        taps: how many.
    """

    def __init__(self, taps: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(taps, FEATURES, 3, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(FEATURES, FEATURES),
            nn.ReLU(),
            nn.Linear(FEATURES, FEATURES),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, taps, P, C) in float32 → (B, 64)."""
        with exact(vectors):
            return unit_length(self.model(vectors))
