"""The head F that turns sampled features into the vectors PatchNCE compares (CUT, section 3.2)."""

from collections.abc import Sequence

from torch import Tensor, nn

from cut.networks.layout import is_channels_last
from cut.networks.vectors import unit_length
from cut.precision import exact, full
from cut.registry import HEADS


def sample_patches(feature: Tensor, positions: Tensor) -> Tensor:
    """Pick the feature vectors at some positions.

    Args:
        feature: (B, C, H, W).
        positions: (P,) integers in [0, H·W), row-major; the same for all images of the batch.

    Returns:
        (B, P, C).
    """
    if is_channels_last(feature):
        return feature.permute(0, 2, 3, 1).flatten(1, 2)[:, positions]  # (B, H·W, C) → (B, P, C)
    return feature.flatten(2)[:, :, positions].transpose(1, 2)  # (B, C, H·W) → (B, C, P) → (B, P, C)


@HEADS.register("sample")
class SampleHead(nn.Module):
    """The features themselves, sampled and divided by their length; no weights."""

    def forward(self, features: Sequence[Tensor], positions: Sequence[Tensor]) -> list[Tensor]:
        """Vectors (B, P_l, C_l) of unit length for each tap.

        Args:
            features: (B, C_l, H_l, W_l) for each tap l, or the vectors (B, P_l, C_l) at the positions.
            positions: (P_l,) for each tap, see `sample_patches`.
        """
        return [unit_length(vectors) for vectors in self.sampled(features, positions)]

    @staticmethod
    def sampled(features: Sequence[Tensor], positions: Sequence[Tensor]) -> list[Tensor]:
        """(B, P_l, C_l) of each tap, in float32."""
        return [
            full(feature if feature.ndim == 3 else sample_patches(feature, at))
            for feature, at in zip(features, positions, strict=True)
        ]


@HEADS.register("mlp_sample")
class MLPHead(SampleHead):
    """A two-layer MLP of its own for each tap, `mlp_0`, `mlp_1`, … in the order of the taps.

    Args:
        channels: C_l of each tap.
        netF_nc: width of the hidden and output layers.
    """

    def __init__(self, channels: Sequence[int], netF_nc: int = 256) -> None:
        super().__init__()
        for index, width in enumerate(channels):
            mlp = nn.Sequential(nn.Linear(width, netF_nc), nn.ReLU(), nn.Linear(netF_nc, netF_nc))
            self.add_module(f"mlp_{index}", mlp)

    def forward(self, features: Sequence[Tensor], positions: Sequence[Tensor]) -> list[Tensor]:
        picked = self.sampled(features, positions)
        with exact(picked[0]):
            return [unit_length(mlp(vectors)) for mlp, vectors in zip(self.children(), picked, strict=True)]
