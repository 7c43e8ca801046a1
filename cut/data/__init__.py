"""Images on disk → batches."""

from cut.registry import DATASETS

DATASETS.declare("cut.data.unaligned", "unaligned")
DATASETS.declare("cut.data.aligned", "aligned")
DATASETS.declare("cut.data.single", "single")
DATASETS.declare("cut.data.singleimage", "singleimage")
