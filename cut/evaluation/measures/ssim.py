"""Structural similarity of a translation to the real image it is paired with, by scikit-image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.measures import MEASURES

if TYPE_CHECKING:
    import numpy as np

_WINDOW = 11  # pixels: Wang et al.'s Gaussian window of σ = 1.5


@MEASURES.register("ssim", label="SSIM", needs="pairs", higher_is_better=True)
def ssim(real: np.ndarray, fake: np.ndarray) -> float:
    """Mean structural similarity, at most 1, with the window and constants of Wang et al. (2004), averaged over the
    channels.

    As in the paper, only positions whose window lies inside the image count. In an image with a side below 11 pixels,
    there are none, and the window continues by reflection into as much of a border as is needed.

    Args:
        real, fake: uint8 (H, W, C), of equal sizes.
    """
    from skimage.metrics import structural_similarity

    side = min(*real.shape[:2], _WINDOW)
    similarity = structural_similarity(
        real,
        fake,
        win_size=side if side % 2 else side - 1,  # of the border that is left out; the Gaussian is the same
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(similarity)
