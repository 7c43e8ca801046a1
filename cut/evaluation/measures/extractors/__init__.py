"""The networks whose features the distances compare."""

from cut.registry import EXTRACTORS

EXTRACTORS.declare("cut.evaluation.measures.extractors.inception", "inception")
EXTRACTORS.declare("cut.evaluation.measures.extractors.efficientnet_lite0", "efficientnet_lite0")
