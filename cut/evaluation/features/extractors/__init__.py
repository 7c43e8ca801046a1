"""The networks whose features the distances compare."""

from cut.registry import EXTRACTORS

EXTRACTORS.declare("cut.evaluation.features.extractors.inception", "inception", "inception_clean")
EXTRACTORS.declare("cut.evaluation.features.extractors.dinov2", "dinov2")
EXTRACTORS.declare("cut.evaluation.features.extractors.efficientnet_lite0", "efficientnet_lite0")
