"""Single-image FID (SinGAN: Shaham et al., ICCV 2019): how far apart the textures of two pictures are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.evaluation.measures.frechet import frechet_distance
from cut.measures import MEASURES

if TYPE_CHECKING:
    from cut.evaluation.features.feature_set import FeatureSet


@MEASURES.register("sifid", label="SIFD", inception_label="SIFID", needs="single", higher_is_better=False)
def sifid(real: FeatureSet, fake: FeatureSet, seed: int = 0) -> float:
    """The Fréchet distance between the early features at all places of one picture and of another, ≥ 0."""
    return frechet_distance(real, fake)
