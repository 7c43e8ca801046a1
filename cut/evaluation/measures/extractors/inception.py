"""Inception v3 with the weights of the original FID: features that make a Fréchet distance an FID."""

from cut.evaluation.measures.features import Extractor
from cut.registry import EXTRACTORS


@EXTRACTORS.register("inception")
def inception(weights: str | None = None) -> Extractor:
    """pytorch-fid's network (2,048 features, the last average pooling).

    Args:
        weights: file of pytorch-fid's weights; None: from torch's cache, downloaded there at first use.

    Raises:
        UserError: when the weights cannot be had, or the file is no such weights.
    """
    raise NotImplementedError
