"""How near a translation comes to the real image of the same place: PSNR and SSIM, by scikit-image."""

import numpy as np

from cut.errors import UserError

MOST_PSNR = 100.0  # dB; see `psnr`
_WINDOW = 11  # pixels: Wang et al.'s Gaussian window of σ = 1.5


def psnr(real: np.ndarray, fake: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB: 10 log₁₀(255² / mean squared error).

    At most 100, which equal images get too, so that an average over images stays finite: a single value that is off by
    one in 256 × 256 colour pixels would give 101.

    Args:
        real: uint8 (H, W, C).
        fake: the same.

    Raises:
        UserError: when the sizes differ.
    """
    # Inside, so that training without pairs does not wait for it.
    from skimage.metrics import peak_signal_noise_ratio

    check_sizes(real, fake)
    if np.array_equal(real, fake):
        return MOST_PSNR
    return min(float(peak_signal_noise_ratio(real, fake, data_range=255)), MOST_PSNR)


def ssim(real: np.ndarray, fake: np.ndarray) -> float:
    """Mean structural similarity, at most 1, with the window and constants of Wang et al. (2004), averaged over the
    channels.

    As in the paper, only positions whose window lies inside the image count. In an image with a side below 11 pixels,
    there are none, and the window continues by reflection into as much of a border as is needed.

    Args:
        real: uint8 (H, W, C).
        fake: the same.

    Raises:
        UserError: when the sizes differ.
    """
    from skimage.metrics import structural_similarity

    check_sizes(real, fake)
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


def check_sizes(real: np.ndarray, fake: np.ndarray, name: str = "") -> None:
    """Refuse a pair of arrays (H, W, C) of different sizes.

    Args:
        real: one of them.
        fake: the other.
        name: of the pair, for the message.

    Raises:
        UserError: with both sizes.
    """
    if real.shape != fake.shape:
        which = f"the pair {name}" if name else "a pair"
        raise UserError(
            f"The images of {which} differ in size: the real one is {_size(real)}, the translation {_size(fake)}; "
            "prepare both in the same way."
        )


def _size(image: np.ndarray) -> str:
    height, width, channels = image.shape
    return f"{width}×{height} with {channels} channel{'s' if channels > 1 else ''}"
