"""Peak signal-to-noise ratio of a translation to the real image it is paired with, by scikit-image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.measures import MEASURES

if TYPE_CHECKING:
    import numpy as np

MOST_PSNR = 100.0  # dB; see `psnr`


@MEASURES.register("psnr", label="PSNR", needs="pairs", higher_is_better=True)
def psnr(real: np.ndarray, fake: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB: 10 log₁₀(255² / mean squared error).

    At most 100, which equal images get too, so that an average over images stays finite: a single value that is off by
    one in 256 × 256 colour pixels would give 101.

    Args:
        real, fake: uint8 (H, W, C), of equal sizes.
    """
    import numpy as np
    from skimage.metrics import peak_signal_noise_ratio

    if np.array_equal(real, fake):
        return MOST_PSNR
    return min(float(peak_signal_noise_ratio(real, fake, data_range=255)), MOST_PSNR)
