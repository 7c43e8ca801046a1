"""EfficientNet-Lite0, whose ImageNet weights are installed with a package: features without any download."""

from cut.evaluation.measures.features import Extractor
from cut.registry import EXTRACTORS


@EXTRACTORS.register("efficientnet_lite0")
def efficientnet_lite0() -> Extractor:
    """EfficientNet-Lite0 (1,280 features, averaged over the picture), as converted from the TensorFlow original.

    Raises:
        UserError: when its packages are not installed, or the file of weights is damaged.
    """
    raise NotImplementedError
