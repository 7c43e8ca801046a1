"""GcGAN (Fu et al., "Geometry-Consistent Generative Adversarial Networks for One-Sided Unsupervised Domain Mapping",
CVPR 2019): a translation that commutes with turning the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from cut.errors import UserError
from cut.lazy import functional as F
from cut.lazy import torch
from cut.losses.pixels import l1
from cut.models.adversary import Adversary, halved
from cut.models.build import build_discriminator, build_generator
from cut.models.cyclegan import identity_channels
from cut.models.draws import StepDraws, draw_seed
from cut.models.image_pool import ImagePool
from cut.models.method import PENALTY_NEEDS_ONE_SHAPE, Method
from cut.models.shared_passes import translate_all
from cut.networks.mode import mode
from cut.options import Options, Rule, at_least, finite_at_least, option
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import Discriminator, Generator


@dataclass(frozen=True)
class GcGANOptions:
    """The losses that train the generator; as published it has dropout, unless there is --no_dropout."""

    geometry: str = option(
        "rot",
        "how a picture is turned: rot 90° clockwise (square pictures only), vf upside down, mix both",
        phase="train",
        choices=("rot", "vf", "mix"),
        fixed=True,
    )
    gc_share: bool = option(
        True, "false: turned pictures have a generator of their own, which only trains G_AB", phase="train", fixed=True
    )
    lambda_AB: float = option(
        10.0, "what the geometry-consistency and identity losses are multiplied by", check=finite_at_least(0)
    )
    lambda_gc: float = option(
        2.0, "weight of the geometry-consistency loss, relative to lambda_AB", check=finite_at_least(0)
    )
    lambda_G: float = option(1.0, "weight of the GAN losses", check=finite_at_least(0))
    lambda_identity: float = option(
        0.5, "weight of the identity losses, relative to lambda_AB; 0: none", check=finite_at_least(0)
    )
    pool_size: int = option(
        50, "earlier translations that are kept for each discriminator", phase="train", check=at_least(0), fixed=True
    )


@dataclass(frozen=True)
class Turn:
    """A geometric map of pictures (B, C, H, W) and its inverse.

    Attributes:
        name: in the names of a discriminator, D_{name}_B, and of pictures, where a method has several turns.
    """

    name: str
    forth: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]


ROTATION = Turn("rot", lambda image: torch.rot90(image, -1, (2, 3)), lambda image: torch.rot90(image, 1, (2, 3)))
UPSIDE_DOWN = Turn("vf", lambda image: image.flip(2), lambda image: image.flip(2))
TURNS = {"rot": (ROTATION,), "vf": (UPSIDE_DOWN,), "mix": (ROTATION, UPSIDE_DOWN)}


@dataclass(frozen=True)
class GcGANDraws(StepDraws):
    """The random numbers of a step, for the translations of the picture as it is and of every turned one, in order.

    Attributes:
        pools: for each, what `ImagePool.draw` returns.
        mixes: for each, (B, 1, 1, 1) in [0, 1], the real images' shares in the points of the WGAN penalty; None for
            other losses.
    """

    pools: tuple[tuple[int | None, ...], ...]
    mixes: tuple[Tensor | None, ...]

    def to(self, device: torch.device | str, dtype: torch.dtype) -> GcGANDraws:
        return replace(self, mixes=tuple(None if mix is None else mix.to(device, dtype) for mix in self.mixes))

    def of_images(self, images: slice) -> GcGANDraws:
        """The pools' draws stay whole: each process keeps the pool of all (`ImagePool`)."""
        mixes = tuple(None if mix is None else mix[images] for mix in self.mixes)
        return replace(super().of_images(images), mixes=mixes)


_NETWORKS = {"no_antialias": True, "no_antialias_up": True, "no_dropout": False}
_TRAINING = {
    **_NETWORKS,
    "hinge_generator": "margin",
    "batch_size": 8,
    "load_size": 288,
    "n_epochs": 100,
    "n_epochs_decay": 100,
    "jitter_while_decaying": True,
}
_COMMON: dict[str, Any] = {
    "options": GcGANOptions,
    "aliases": {"norm": ("normG", "normD")},
    "rules": (Rule(("lambda_identity", "input_nc", "output_nc"), identity_channels, "train"),),
}


@MODELS.register(
    "gc_gan_share", also=("gcgan",), label="GcGAN", defaults={"train": _TRAINING, "test": _NETWORKS}, **_COMMON
)
@MODELS.register(
    "gc_gan_cross",
    label="GcGAN, two generators",
    defaults={"train": {**_TRAINING, "gc_share": False}, "test": _NETWORKS},
    **_COMMON,
)
@MODELS.register(
    "gc_gan_mix",
    label="GcGAN, both turns",
    defaults={"train": {**_TRAINING, "geometry": "mix"}, "test": _NETWORKS},
    **_COMMON,
)
class GcGAN(Method):
    """G_AB: A → B; D_B judges images of B, D_gc_B turned images of B (D_rot_B and D_vf_B with both turns).

    The published program loses the second generator of gc_gan_cross, G_gc_AB, when it saves; here it is saved.
    """

    loss_names = ("D_B", "G_AB", "Gc", "G_gc_AB", "idt", "idt_gc", "G") + tuple(
        f"D_{view}_{penalty}" for view in ("B", "gc_B", "rot_B", "vf_B") for penalty in ("GP", "R1")
    )
    translators = {"AtoB": "G_AB"}
    parts = {
        "translate_views": "forward (G)",
        "generator_loss": "G: losses",
        "discriminator_loss": "D: loss",
    }
    linear_decay = (1, 1)  # as published: the last epoch trains at 0

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own: GcGANOptions = options.method
        self.turns = TURNS[self.own.geometry]
        names = ["gc"] if len(self.turns) == 1 else [turn.name for turn in self.turns]
        self.views = ["B", *(f"{name}_B" for name in names)]  # what is judged: images as they are, and turned ones
        self.adversary = Adversary(options)
        self.pools = [ImagePool(self.own.pool_size) for _ in self.views]
        super().__init__(options, device, dtype)
        self.G_AB = cast("Generator", self.networks["G_AB"])
        self.G_gc_AB = self.G_AB if self.own.gc_share else cast("Generator", self.networks["G_gc_AB"])
        self.judges = [cast("Discriminator", self.networks[f"D_{view}"]) for view in self.views]

    def build_networks(self) -> dict[str, nn.Module]:
        generators = ["G_AB"] if self.own.gc_share else ["G_AB", "G_gc_AB"]
        return {
            **{name: build_generator(self.options, zero_biases=False) for name in generators},
            **{f"D_{view}": build_discriminator(self.options, zero_biases=False) for view in self.views},
        }

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        names = {kind: [name for name in self.networks if name.startswith(kind)] for kind in "GD"}
        return {kind: self.adam(*names[kind]) for kind in "GD"}

    # ------------------------------------------------------------------ one step

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> GcGANDraws:
        pools = tuple(pool.draw(len(batch), generator) for pool in self.pools)
        mixes = tuple(self.adversary.draw_mix(len(batch), generator) for _ in self.views)
        seed = draw_seed(generator)
        return GcGANDraws(pools, mixes, seed=seed, epoch=epoch, last_epoch=last_epoch, step=step)

    def step(self, batch: Batch, draws: GcGANDraws) -> Logs:
        """First the generators, then the discriminators, on the translations made before the generators' update."""
        draws = self.begin(draws)
        sources, targets = (self.turned(side) for side in batch.sides)
        fakes = self.translate_views(sources)

        loss_g, logs_g = self.generator_loss(fakes, targets, self.turned_mask(batch.valid[1]))
        self.update(loss_g, "G")

        loss_d, logs_d = self.discriminator_loss(fakes, targets, draws)
        self.update(loss_d, "D")

        return self.in_logging_order({**logs_g, **logs_d})

    def turned(self, images: Tensor) -> list[Tensor]:
        """The views of images: as they are, and turned each way."""
        return [images, *(self.arithmetic.images(turn.forth(images)) for turn in self.turns)]

    def turned_mask(self, valid: Tensor | None) -> list[Tensor | None]:
        """Where the views of images have data."""
        return [valid, *(None if valid is None else turn.forth(valid) for turn in self.turns)]

    def translate_views(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Their translations with a graph: turned ones by G_gc_AB where there is one."""
        if self.own.gc_share:
            return translate_all(self.G_AB, views)
        return translate_all(self.G_AB, views[:1]) + translate_all(self.G_gc_AB, views[1:])

    def generator_loss(
        self, fakes: Sequence[Tensor], targets: Sequence[Tensor], masks: Sequence[Tensor | None] | None = None
    ) -> tuple[Tensor, Logs]:
        """GAN, geometry-consistency and identity losses (section 3.3); of several turns the mean.

        Args:
            fakes: the translations of every view of the source.
            targets: every view of the target.
            masks: where the views of the target have data; None where all is data.
        """
        own = self.own
        gan = [self.adversary.generator_loss(judge, fake) for judge, fake in zip(self.judges, fakes, strict=True)]
        consistency = [
            F.l1_loss(fakes[0], turn.back(fake.detach())) + F.l1_loss(fake, turn.forth(fakes[0].detach()))
            for turn, fake in zip(self.turns, fakes[1:], strict=True)
        ]
        logs = {
            "G_AB": own.lambda_G * gan[0],
            "G_gc_AB": own.lambda_G * _mean(gan[1:]),
            "Gc": own.lambda_AB * own.lambda_gc * _mean(consistency),
        }
        logs["idt"] = logs["idt_gc"] = fakes[0].new_zeros(())
        if own.lambda_identity > 0:
            views = zip(self.translate_views(targets), targets, masks or [None] * len(targets), strict=True)
            identity = [own.lambda_AB * own.lambda_identity * l1(*view) for view in views]
            logs["idt"], logs["idt_gc"] = identity[0], _mean(identity[1:])
        loss = torch.stack(list(logs.values())).sum()
        return loss, {**logs, "G": loss}

    def discriminator_loss(
        self, fakes: Sequence[Tensor], targets: Sequence[Tensor], draws: GcGANDraws
    ) -> tuple[Tensor, Logs]:
        """½ (real + fake) of every view and penalties, added up; the translations go through the pools."""
        losses, halves = [], []
        penalties: Logs = {}
        for view, judge, pool, fake, target, places, mix in zip(
            self.views, self.judges, self.pools, fakes, targets, draws.pools, draws.mixes, strict=True
        ):
            shown = pool.exchange(fake, places)
            loss, parts = self.adversary.discriminator_loss(judge, shown, target, draws, mix)
            named = halved(f"D_{view}", parts)
            losses.append(loss)
            halves.append(named.pop(f"D_{view}"))
            penalties |= named
        return torch.stack(losses).sum(), {**penalties, "D_B": torch.stack(halves).sum()}

    # ------------------------------------------------------------------ around the step

    @property
    def one_shape(self) -> str | None:
        return PENALTY_NEEDS_ONE_SHAPE if self.adversary.needs_mix else None

    def check_size(self, width: int, height: int) -> None:
        if ROTATION in self.turns and width != height:
            raise UserError(
                f"--geometry {self.own.geometry} turns pictures by 90°, so they must be square, and some are "
                f"{width}×{height}: use a --preprocess with crop, or --geometry vf."
            )
        super().check_size(width, height)

    def extra_state(self) -> dict[str, Any]:
        return {f"pool_{view}": pool.state() for view, pool in zip(self.views, self.pools, strict=True)}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        for view, pool in zip(self.views, self.pools, strict=True):
            pool.load(state[f"pool_{view}"], self.device, self.options.data.output_nc)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """real_A and the translations of all its views, real_B and, with an identity loss, its translation idt."""
        real_A, real_B = batch.sides
        with mode(self.networks, training=False), torch.inference_mode():
            fakes = self.translate_views(self.turned(real_A))
            identity = {"idt_B": self.G_AB(real_B)} if self.own.lambda_identity > 0 else {}
        made = {f"fake_{view}": fake for view, fake in zip(self.views, fakes, strict=True)}
        return {"real_A": real_A, **made, "real_B": real_B, **identity}


def _mean(losses: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()
