"""What methods share that train a generator for each direction and a discriminator for each domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from cut.models.adversary import Adversary, halved
from cut.models.build import build_discriminator, build_generator
from cut.models.draws import StepDraws, draw_seed
from cut.models.image_pool import ImagePool
from cut.models.method import PENALTY_NEEDS_ONE_SHAPE, Method
from cut.options import Options

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import Discriminator, Generator


@dataclass(frozen=True)
class TwoWayDraws(StepDraws):
    """The random numbers of a step: for each image, what `ImagePool.draw` returns for its translation.

    Attributes:
        pool_B: of the translations into B, which D_A judges.
        pool_A: of the translations into A, which D_B judges.
        mix_B, mix_A: (B, 1, 1, 1) in [0, 1], the real images' shares in the points of the WGAN penalty of D_A and of
            D_B; None for other losses.
    """

    pool_B: tuple[int | None, ...]
    pool_A: tuple[int | None, ...]
    mix_B: Tensor | None = None
    mix_A: Tensor | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        if self.mix_B is None or self.mix_A is None:
            return self
        return replace(self, mix_B=self.mix_B.to(device, dtype), mix_A=self.mix_A.to(device, dtype))

    def of_images(self, images: slice) -> Self:
        """The pools' draws stay whole: each process keeps the pool of all (`ImagePool`)."""
        mine = super().of_images(images)
        if mine.mix_B is None or mine.mix_A is None:
            return mine
        return replace(mine, mix_B=mine.mix_B[images], mix_A=mine.mix_A[images])


class TwoWay(Method):
    """G_A: A → B, G_B: B → A; D_A judges images of B, D_B images of A (the published names).

    The method's options must have `pool_size`, the number of earlier translations kept for each discriminator.
    """

    translators = {"AtoB": "G_A", "BtoA": "G_B"}
    penalty_names: ClassVar[tuple[str, ...]] = ("D_A_GP", "D_B_GP", "D_A_R1", "D_B_R1")
    zero_biases: ClassVar[bool] = True
    """How the biases of new networks start, see `cut.networks.init.initialise`."""

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.adversary = Adversary(options)
        self.pool_B, self.pool_A = (ImagePool(options.method.pool_size) for _ in "BA")
        super().__init__(options, device, dtype)
        self.G_A, self.G_B = (cast("Generator", self.networks[name]) for name in ("G_A", "G_B"))
        self.D_A, self.D_B = (cast("Discriminator", self.networks[name]) for name in ("D_A", "D_B"))

    def build_networks(self) -> dict[str, nn.Module]:
        start = {"zero_biases": self.zero_biases}
        return {
            "G_A": build_generator(self.options, **start),
            "G_B": build_generator(self.options, backward=True, **start),
            "D_A": build_discriminator(self.options, **start),
            "D_B": build_discriminator(self.options, of_source=True, **start),
        }

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"G": self.adam("G_A", "G_B"), "D": self.adam("D_A", "D_B")}

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> TwoWayDraws:
        pool_B, pool_A = (pool.draw(len(batch), generator) for pool in (self.pool_B, self.pool_A))
        mix_B, mix_A = (self.adversary.draw_mix(len(batch), generator) for _ in "BA")
        seed = draw_seed(generator)
        return TwoWayDraws(pool_B, pool_A, mix_B, mix_A, seed=seed, epoch=epoch, last_epoch=last_epoch, step=step)

    def discriminator_loss(
        self, batch: Batch, fake_B: Tensor, fake_A: Tensor, draws: TwoWayDraws
    ) -> tuple[Tensor, Logs]:
        """½ (real + fake) of each domain and penalties; the translations go through the pools."""
        loss_A, logs_A = self.loss_of_D_A(batch, fake_B, draws)
        loss_B, logs_B = self.loss_of_D_B(batch, fake_A, draws)
        return loss_A + loss_B, {**logs_A, **logs_B}

    def loss_of_D_A(self, batch: Batch, fake_B: Tensor, draws: TwoWayDraws) -> tuple[Tensor, Logs]:
        shown = self.pool_B.exchange(fake_B, draws.pool_B)
        loss, parts = self.adversary.discriminator_loss(self.D_A, shown, batch.sides[1], draws, draws.mix_B)
        return loss, halved("D_A", parts)

    def loss_of_D_B(self, batch: Batch, fake_A: Tensor, draws: TwoWayDraws) -> tuple[Tensor, Logs]:
        shown = self.pool_A.exchange(fake_A, draws.pool_A)
        loss, parts = self.adversary.discriminator_loss(self.D_B, shown, batch.sides[0], draws, draws.mix_A)
        return loss, halved("D_B", parts)

    @property
    def one_shape(self) -> str | None:
        return PENALTY_NEEDS_ONE_SHAPE if self.adversary.needs_mix else None

    def extra_state(self) -> dict[str, Any]:
        return {"pool_B": self.pool_B.state(), "pool_A": self.pool_A.state()}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        self.pool_B.load(state["pool_B"], self.device, self.options.data.output_nc)
        self.pool_A.load(state["pool_A"], self.device, self.options.data.input_nc)
