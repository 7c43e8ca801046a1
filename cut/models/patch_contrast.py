"""What a method like CUT compares between translations and their sources, and the losses of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cut.errors import UserError
from cut.lazy import torch
from cut.losses.patchnce import Contrast
from cut.losses.semantic_relation import multi_tap_relation
from cut.models.build import build_nce_loss, build_sampler
from cut.models.draws import draw_positions
from cut.models.key_memory import KeyMemory
from cut.options import Options
from cut.processes.group import count

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.models.contrastive_options import ContrastiveOptions
    from cut.models.draws import Draws, Patches
    from cut.models.method import Logs

    Shapes = Sequence[torch.Size]  # (C, H, W) of the map at each tap
    Vectors = tuple[list[Tensor], list[Tensor]]  # (B, P, C) of queries and keys at each tap


class PatchContrast:
    """PatchNCE in the form of `--nce_loss` and SRC, of patches that `--nce_sampler` chooses.

    Args:
        options: of a method with `ContrastiveOptions`.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.own: ContrastiveOptions = options.method
        self.form, self.sampler = build_nce_loss(options), build_sampler(options)
        self.memory = KeyMemory(self.own.nce_memory)

    @property
    def compares(self) -> bool:
        """Whether anything is compared."""
        return self.own.lambda_NCE > 0 or self.own.lambda_SRC > 0

    @property
    def identity(self) -> bool:
        """Whether PatchNCE has its identity part on (target, G(target))."""
        return self.own.nce_idt and self.own.lambda_NCE > 0

    @property
    def keys_with_graph(self) -> bool:
        """Whether the vectors of translations depend on the features of their sources."""
        return any(self.sampler.chooses(tap) for tap in range(len(self.own.taps)))

    def places(self, head: nn.Module, draws: Draws, images: int) -> tuple[list[Tensor], ...]:
        """Where the vectors are that will be compared, if that is known before there are features.

        For the first pair and, where there is one, for the second: the positions (B, P_l) at each tap. Empty where maps
        are needed.

        Args:
            head: F.
            draws: of the step.
            images: B.
        """
        from cut.networks.heads import SampleHead
        from cut.networks.samplers import PatchSampler

        once = len(set(self.own.taps)) == len(self.own.taps)
        known = all(at is not None for at in (*draws.patches, *draws.identity_patches))
        if not (once and known and type(self.sampler) is PatchSampler and isinstance(head, SampleHead)):
            return ()
        pairs = [patches for patches in (draws.patches, draws.identity_patches) if patches]
        return tuple([at.expand(images, -1) for at in patches if at is not None] for patches in pairs)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names in logs: PatchNCE of the first pair and of the second, and SRC."""
        return self.form.label, f"{self.form.label}_Y", "SRC"

    def draw(self, shapes: Shapes, generator: torch.Generator | None) -> tuple[Patches, Patches]:
        """`Draws.patches` and `Draws.identity_patches`."""
        patches = self._draw(shapes, generator)
        if not self.identity:
            return patches, ()
        return patches, patches if self.form.shares_positions else self._draw(shapes, generator)

    def _draw(self, shapes: Shapes, generator: torch.Generator | None) -> Patches:
        patches = self.own.num_patches if self.compares else 0
        return tuple(
            None if self.sampler.chooses(tap) else draw_positions((height, width), patches, generator)
            for tap, (_, height, width) in enumerate(shapes)
        )

    def vectors(self, head: nn.Module, queries: list[Tensor], keys: list[Tensor], positions: Patches) -> Vectors:
        """What F makes of a pair.

        Args:
            head: F.
            queries, keys: (B, C_l, H_l, W_l) features at each tap of translations and of their sources, or the vectors
                (B, P_l, C_l) of these at the positions.
            positions: as in `Draws`.
        """
        query_maps, key_maps, places = self.sampler.select(queries, keys, positions)
        with torch.no_grad():  # only queries send gradients to F
            key = head(key_maps, places)
        return head(query_maps, places), key

    @property
    def pairs(self) -> int:
        """How many pairs of images and translations are compared."""
        return 1 + self.identity

    def loss(self, vectors: Mapping[int, Vectors], epoch: int, last_epoch: int) -> tuple[Tensor, Logs]:
        """What pairs contribute to λ_NCE · PatchNCE (eq. 3 and 4), the mean over all pairs, and to λ_SRC · SRC, of the
        first pair; and these by their published names.

        Args:
            vectors: by the number of the pair.
            epoch, last_epoch: as in `Draws`.
        """
        across_batch = self.own.nce_includes_all_negatives_from_minibatch
        contrast = Contrast(self.own.nce_T, across_batch, epoch, last_epoch, internal=self.own.nce_internal)
        losses, logs = [], {}
        for number, (query, key) in vectors.items():
            if self.own.lambda_NCE > 0:
                nce = self.own.lambda_NCE * self.memory.loss(number, query, key, contrast, self.form)
                losses.append(nce / self.pairs)
                logs[self.loss_names[number]] = nce
            if self.own.lambda_SRC > 0 and number == 0:
                losses.append(self.own.lambda_SRC * multi_tap_relation(query, key, across_batch))
                logs[self.loss_names[-1]] = losses[-1]
        return torch.stack(losses).sum(), logs

    def check_size(self, width: int, height: int, shapes: Shapes, device: torch.device) -> None:
        """Refuse images of a size, in pixels, in whose maps patches cannot be chosen.

        Raises:
            UserError: when there are too few positions, or when memory cannot hold what is chosen in a batch.
        """
        from cut.memory import require

        patches = self.own.num_patches
        chosen = f"--nce_sampler {self.own.nce_sampler} with --num_patches {patches}"
        kept = 0
        for tap, shape in enumerate(shapes):
            if self.sampler.chooses(tap):
                positions = shape[1] * shape[2]
                if patches > positions:
                    raise UserError(
                        f"{chosen} cannot choose among the {positions} positions of tap {self.own.taps[tap]} in images "
                        f"of {width}×{height} pixels: use at most --num_patches {positions}, or a larger --crop_size."
                    )
                kept += self.sampler.bytes_kept(shape, patches)
        images = self.pairs * self.options.data.batch_size // count()
        require(images * kept, f"{chosen} and images of {width}×{height} pixels needs at least", device)
