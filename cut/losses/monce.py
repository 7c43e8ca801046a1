"""The modulated form of PatchNCE, `--nce_loss monce`: negatives are weighed by optimal transport.

From Zhan et al., "Modulated Contrast for Versatile Image Synthesis" (CVPR 2022, sections 3.2 and 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cut.lazy import functional as F
from cut.lazy import torch
from cut.losses.patchnce import Contrast, PatchNCE, compared_together, without_own
from cut.options import Rule, at_least, option, positive
from cut.registry import NCE_LOSSES

if TYPE_CHECKING:
    from torch import Tensor

ROUNDS = 50  # of Sinkhorn's iteration


@dataclass(frozen=True)
class ModulatedOptions:
    """Options of the modulated form of PatchNCE."""

    monce_cost: str = option(
        "hard",
        "negatives that monce weighs up (published name: cost_type): hard: those like the query; easy: the others",
        phase="train",
        choices=("hard", "easy"),
        fixed=True,
    )
    monce_eps: float = option(
        1.0,
        "regularisation of the transport in monce (published name: eps): small makes the weights differ more",
        phase="train",
        check=at_least(0.01),  # exp(1/ε) must stay a number
    )
    monce_weight: float = option(
        1.0,
        "mean weight of the num_patches - 1 negatives of a query in monce (published name: neg_term_weight)",
        phase="train",
        check=positive(),
    )


def has_negatives(values: Mapping[str, Any]) -> str | None:
    if values["num_patches"] > 1:
        return None
    return (
        "--nce_loss monce weighs num_patches − 1 negatives, and --num_patches 1 leaves none: use more patches, also of "
        "the crops of a single image, or another --nce_loss."
    )


@NCE_LOSSES.register(
    "monce",
    options=ModulatedOptions,
    aliases={"cost_type": ("monce_cost",), "eps": ("monce_eps",), "neg_term_weight": ("monce_weight",)},
    rules=(Rule(("num_patches",), has_negatives, "train"),),
)
@dataclass(frozen=True)
class ModulatedPatchNCE(PatchNCE):
    """The cross-entropy with negatives weighed by a transport plan between queries and keys."""

    monce_cost: str = "hard"
    monce_eps: float = 1.0
    monce_weight: float = 1.0
    num_patches: int = 256

    takes_memory: ClassVar[bool] = False

    def __call__(self, query: Tensor, key: Tensor, contrast: Contrast) -> Tensor:
        return self.of_taps([query], [key], contrast)[0]

    def of_taps(self, queries: Sequence[Tensor], keys: Sequence[Tensor], contrast: Contrast) -> list[Tensor]:
        """The taps of one number of patches share the iteration, which is a long chain of small products."""
        similar = []
        for query, key in zip(queries, keys, strict=True):
            query, key = (compared_together(vectors, contrast.across_batch) for vectors in (query, key.detach()))
            similar.append(query @ key.transpose(1, 2))  # (G, N, N)
        found: dict[int, Tensor] = {}
        for count in {one.shape[2] for one in similar}:
            taps = [tap for tap, one in enumerate(similar) if one.shape[2] == count]
            losses = self.modulated_nce(torch.cat([similar[tap] for tap in taps]), contrast.temperature)
            found |= zip(taps, losses.split([len(similar[tap]) for tap in taps]), strict=True)
        return [found[tap].flatten() for tap in range(len(similar))]

    def modulated_nce(self, similar: Tensor, temperature: float) -> Tensor:
        """−log(e^(s_ii/τ) / (e^(s_ii/τ) + Σ_j≠i f_ij e^(s_ij/τ))), in whose weights f the gradient flows too (eq. 3).

        Args:
            similar: (G, N, N) similarities of queries (rows) to keys, the query's own on the diagonal.
            temperature: τ.

        Returns:
            (G, N) losses, one per query.
        """
        cost = similar if self.monce_cost == "hard" else 1 - similar
        plan = transport_plan(without_own(cost), self.monce_eps)  # at ε = 1 the mask's e^(−10/ε) takes part
        weights = plan * (self.num_patches - 1) * self.monce_weight + 1e-8  # the option, whatever the map's size
        others = without_own(similar + temperature * weights.log()) / temperature
        own = similar.diagonal(dim1=1, dim2=2).unsqueeze(2) / temperature  # (G, N, 1)
        logits = torch.cat([own, others], dim=2).flatten(0, 1)
        first = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        return F.cross_entropy(logits, first, reduction="none").view(similar.shape[:2])


def transport_plan(cost: Tensor, eps: float, rounds: int = ROUNDS) -> Tensor:
    """Entropic optimal transport between uniform weights that seeks large `cost`, by Sinkhorn's iteration (eq. 6).

    Args:
        cost: (G, N, N).
        eps: ε, the weight of the plan's entropy.
        rounds: iterations from v = 1, all of which are differentiated.

    Returns:
        (G, N, N) plans, whose columns sum to 1, and the rows as nearly as the rounds lead.
    """
    from cut.losses.sinkhorn import sinkhorn  # only now: it needs PyTorch, and --help does not

    kernel = (cost.double() / eps).exp()  # float32 holds neither e^(−10/ε) nor e^(1/ε) of a small ε
    u, v = sinkhorn(kernel, rounds)
    return (u[:, :, None] * kernel * v[:, None]).to(cost.dtype)
