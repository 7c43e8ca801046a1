"""The measures of translations: their names, and which way is better. They are computed in `cut/evaluation/measures/`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: what `--best_metric` takes.
        label: what pages, tables and logs call it; the two distances get theirs from the feature extractor, because
            only Inception's may be called FID and KID.
        higher_is_better: False for distances.
        pairs: whether it compares each translation with the real image of the same place.
        palette: whether it compares the nearest colours of a `--palette`.
        meaning: one line for people.
    """

    name: str
    label: str
    higher_is_better: bool
    meaning: str
    pairs: bool = False
    palette: bool = False


_ALL = (
    Measure("frechet", "FD", False, "Fréchet distance between Gaussians fitted to the features of both sets"),
    Measure("kernel", "KD", False, "squared maximum mean discrepancy of the features under a cubic kernel"),
    Measure("psnr", "PSNR", True, "peak signal-to-noise ratio to the paired real image, dB", pairs=True),
    Measure("ssim", "SSIM", True, "structural similarity to the paired real image", pairs=True),
    Measure("pixel_accuracy", "pixel accuracy", True, "share of pixels in the true class", pairs=True, palette=True),
    Measure("class_accuracy", "class accuracy", True, "the same, averaged over classes", pairs=True, palette=True),
    Measure("mean_iou", "mean IoU", True, "intersection over union, averaged over classes", pairs=True, palette=True),
)
MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
"""By name, in the order in which they are shown."""


def measure_label(name: str, extractor: str) -> str:
    """What a measure is called with a feature extractor.

    Args:
        name: a key of `MEASURES`.
        extractor: the extractor as people write it; "Inception" alone gives FID and KID, as the papers compute them.
    """
    distances = {"frechet": ("FID", "FD"), "kernel": ("KID", "KD")}
    if name not in distances:
        return MEASURES[name].label
    inception, other = distances[name]
    return inception if extractor == "Inception" else f"{other} ({extractor})"


def higher_is_better(label: str) -> bool:
    """Whether more of a measure, by its label, is better."""
    return any(measure.higher_is_better for measure in _ALL if measure.label == label)
