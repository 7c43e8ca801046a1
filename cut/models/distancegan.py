"""DistanceGAN and SelfDistance (Benaim and Wolf, "One-Sided Unsupervised Domain Mapping", NIPS 2017): a translation
keeps the distances between images, or between the halves of an image. With distances no cycle is needed, so one
direction can be trained alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from cut.errors import UserError
from cut.lazy import torch
from cut.losses.distance import Spread, batch_distances, distance_loss, half_distance, pair_distances
from cut.losses.pixels import l1
from cut.models.cyclegan import CycleGAN
from cut.models.method import as_names
from cut.networks.mode import mode
from cut.options import Options, Rule, at_least, finite_at_least, option
from cut.precision import full
from cut.processes.group import gathered, reporting_together
from cut.reading import is_number
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.models.two_way import TwoWayDraws


@dataclass(frozen=True)
class DistanceGANOptions:
    """The losses that train the generators."""

    A_to_B: bool = option(False, "train G_A: A → B alone", flag=True, fixed=True, from_training=True)
    B_to_A: bool = option(
        False,
        "train G_B: B → A alone; --A_to_B --direction BtoA trains the same, and measures it",
        flag=True,
        fixed=True,
        from_training=True,
    )
    lambda_distance_A: float = option(1.0, "weight of the distance loss of A → B", check=finite_at_least(0))
    lambda_distance_B: float = option(1.0, "weight of the distance loss of B → A", check=finite_at_least(0))
    use_self_distance: bool = option(
        False,
        "SelfDistance: compare the top and bottom halves of images, instead of the images of a batch in pairs",
        phase="train",
        flag=True,
        fixed=True,
    )
    unnormalized_distances: bool = option(
        False, "compare distances as they are, without measuring how they spread first", phase="train", flag=True,
        fixed=True,
    )  # fmt: skip
    max_items: int = option(
        900,
        "batches over which the spread of distances is measured before the first step; memory holds them all",
        phase="train",
        check=at_least(3),
        fixed=True,
    )
    use_cycle_loss: bool = option(
        False, "also the cycle losses of CycleGAN, which train both generators also with --A_to_B or --B_to_A",
        phase="train", flag=True,
    )  # fmt: skip
    lambda_A: float = option(10.0, "weight of the cycle loss A → B → A", phase="train", check=finite_at_least(0))
    lambda_B: float = option(10.0, "weight of the cycle loss B → A → B", phase="train", check=finite_at_least(0))
    pool_size: int = option(
        50, "earlier translations that are kept for each discriminator", phase="train", check=at_least(0), fixed=True
    )

    @property
    def trained(self) -> str:
        """The generators that the distance and GAN losses train: "A" for G_A, "B" for G_B, or "AB"."""
        return "A" if self.A_to_B else "B" if self.B_to_A else "AB"


def one_way(values: Mapping[str, Any]) -> str | None:
    if not (values["A_to_B"] and values["B_to_A"]):
        return None
    return "--A_to_B and --B_to_A each train one direction alone: give one of them, or none to train both."


def pairs_to_compare(values: Mapping[str, Any]) -> str | None:
    if values["batch_size"] > 1 or values["use_self_distance"]:
        return None
    return (
        "DistanceGAN compares the images of a batch in pairs, and --batch_size is 1: use --batch_size 2, or "
        "--use_self_distance, which compares the halves of each image."
    )


def what_is_measured_is_trained(values: Mapping[str, Any]) -> str | None:
    if not values["B_to_A"] or not (values["evaluation_epoch_freq"] or values["evaluation_freq"]):
        return None
    return (
        "Training measures and previews translations of A into B, which --B_to_A does not train: use --A_to_B with the "
        "other --direction, which trains the same, or --evaluation_epoch_freq 0 --evaluation_freq 0."
    )


_NETWORKS = {
    "netG": "resnet_9blocks_zero_pad",
    "normG": "affine_instance",
    "no_antialias": True,
    "no_antialias_up": True,
    "init_type": "normal",
}


@MODELS.register(
    "distance_gan",
    also=("distancegan",),
    label="DistanceGAN",
    title=lambda options: "SelfDistance" if options.get("use_self_distance") else "DistanceGAN",
    titled=("use_self_distance",),
    options=DistanceGANOptions,
    defaults={
        "train": {
            **_NETWORKS,
            "normD": "affine_instance",
            "hinge_generator": "margin",
            "batch_size": 2,
            "n_epochs": 100,
            "n_epochs_decay": 100,
            "jitter_while_decaying": True,
        },
        "test": _NETWORKS,
    },
    rules=(
        Rule(("A_to_B", "B_to_A"), one_way),
        Rule(("batch_size", "use_self_distance"), pairs_to_compare, "train"),
        Rule(
            ("B_to_A", "evaluation_epoch_freq", "evaluation_freq"),
            what_is_measured_is_trained,
            "train",
            before_running=True,
        ),
    ),
)
class DistanceGAN(CycleGAN):
    """The networks of a CycleGAN, each direction trained by its GAN loss and a distance loss.

    With --A_to_B or --B_to_A the losses of the other direction are logged, as published, but train nothing.
    """

    loss_names = (
        "D_A",
        "G_A",
        "distance_A",
        "cycle_A",
        "D_B",
        "G_B",
        "distance_B",
        "cycle_B",
        "G",
        *CycleGAN.penalty_names,
    )
    zero_biases = False
    schedule_ahead = 0
    linear_decay = (-1, 0)  # as published: lr / n_epochs_decay less after each epoch from n_epochs + 1 on

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.chosen: DistanceGANOptions = options.method
        self.distances = half_distance if self.chosen.use_self_distance else pair_distances
        self.spread_A = self.spread_B = Spread()  # until `prepare` measures them
        super().__init__(options, device, dtype)

    # ------------------------------------------------------------------ before the first step

    def prepare(self, batches: Iterable[Batch], say: Callable[[str], object]) -> None:
        """Measure how the distances in both domains spread.

        As published, the distances are those between whole batches, where a step compares single images; with
        SelfDistance those between the halves of batches.
        """
        if self.chosen.unnormalized_distances:
            return
        from cut.memory import require  # only now: it needs PyTorch, and --help does not

        say(f"Measuring the distances in both domains, over at most {self.chosen.max_items} batches.")
        kept: tuple[list[Tensor], list[Tensor]] = ([], [])
        for batch in islice(batches, self.chosen.max_items):
            for images, side in zip(map(gathered, batch.sides), kept, strict=True):
                side.append(half_distance(images) if self.chosen.use_self_distance else images)
                with reporting_together():  # or the others would wait for the next batch of this process
                    require(images.nbytes, "To keep --max_items batches, the next one needs", torch.device("cpu"))
        spreads = [Spread.of(self.measured(side)) for side in kept]
        for domain, spread in zip(("source", "target"), spreads, strict=True):
            if not spread.deviation > 0:
                raise UserError(
                    f"The distances between images of the {domain} domain do not differ, so they cannot be normalised: "
                    "use more images, or --unnormalized_distances."
                )
        self.spread_A, self.spread_B = spreads
        said = (f"{spread.mean:.3f} ± {spread.deviation:.3f}" for spread in spreads)
        say(f"Distances in {len(kept[0])} batches of the source and the target domain: {' and '.join(said)}.")

    def measured(self, kept: list[Tensor]) -> Tensor:
        """All distances of one domain."""
        if len(kept) < 2:
            return torch.zeros(1)
        return torch.cat(kept) if self.chosen.use_self_distance else batch_distances(kept, self.device)

    # ------------------------------------------------------------------ one step

    def translate_there_and_back(self, batch: Batch) -> dict[str, Tensor]:
        """Both translations and, for the cycle loss, both reconstructions."""
        if self.chosen.use_cycle_loss:
            return super().translate_there_and_back(batch)
        real_A, real_B = batch.sides
        with self.graph_of("A"):
            fake_B = full(self.G_A(real_A))
        with self.graph_of("B"):
            fake_A = full(self.G_B(real_B))
        return {"fake_B": fake_B, "fake_A": fake_A}

    def graph_of(self, letter: str) -> AbstractContextManager:
        """A block in which the graph of a direction that is not trained is not kept."""
        return nullcontext() if letter in self.chosen.trained else torch.no_grad()

    def generator_loss(self, batch: Batch, pictures: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        """GAN and distance losses of the directions that are trained, and cycle consistency where it is used."""
        (real_A, real_B), chosen = batch.sides, self.chosen
        with self.graph_of("A"):
            changed = self.changed_distances(real_A, pictures["fake_B"], self.spread_A, self.spread_B)
            gan = self.adversary.generator_loss(self.D_A, pictures["fake_B"])
            of_A = {"G_A": gan, "distance_A": chosen.lambda_distance_A * changed}
        with self.graph_of("B"):
            changed = self.changed_distances(real_B, pictures["fake_A"], self.spread_B, self.spread_A)
            gan = self.adversary.generator_loss(self.D_B, pictures["fake_A"])
            of_B = {"G_B": gan, "distance_B": chosen.lambda_distance_B * changed}
        cycles = {}
        if chosen.use_cycle_loss:
            cycles["cycle_A"] = chosen.lambda_A * l1(pictures["rec_A"], real_A, batch.valid[0])
            cycles["cycle_B"] = chosen.lambda_B * l1(pictures["rec_B"], real_B, batch.valid[1])
        trained = {"A": of_A, "B": of_B, "AB": of_A | of_B}[chosen.trained] | cycles
        loss = torch.stack(list(trained.values())).sum()
        return loss, {**of_A, **of_B, **cycles, "G": loss}

    def changed_distances(self, real: Tensor, fake: Tensor, of_real: Spread, of_fake: Spread) -> Tensor:
        """How much the translation of a batch, that of all processes, changes its normalised distances."""
        return distance_loss(self.distances(gathered(real)), self.distances(gathered(fake)), of_real, of_fake)

    def discriminator_loss(
        self, batch: Batch, fake_B: Tensor, fake_A: Tensor, draws: TwoWayDraws
    ) -> tuple[Tensor, Logs]:
        """½ (real + fake) and penalties of the discriminators of the directions that are trained."""
        if self.chosen.trained == "A":
            return self.loss_of_D_A(batch, fake_B, draws)
        if self.chosen.trained == "B":
            return self.loss_of_D_B(batch, fake_A, draws)
        return super().discriminator_loss(batch, fake_B, fake_A, draws)

    # ------------------------------------------------------------------ around the step

    @classmethod
    def translator_names(cls, options: Options) -> tuple[str, ...]:
        """
        Raises:
            UserError: when the options ask for a direction that was not trained.
        """
        chosen: DistanceGANOptions = options.method
        asked = "B" if options.backward else "A"
        if asked not in chosen.trained:
            word = "A_to_B" if chosen.A_to_B else "B_to_A"
            other = "AtoB" if options.data.direction == "BtoA" else "BtoA"
            raise UserError(
                f"The run was trained with --{word}, so it does not translate in the direction that is asked for: "
                f"use --direction {other}."
            )
        return as_names(cls.translators["BtoA" if options.backward else "AtoB"])

    @property
    def identity(self) -> bool:
        """There is no identity loss."""
        return False

    def extra_state(self) -> dict[str, Any]:
        spreads = {"A": self.spread_A, "B": self.spread_B}
        measured = {letter: [spread.mean, spread.deviation] for letter, spread in spreads.items()}
        return {**super().extra_state(), "distances": measured}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        super().load_extra_state(state)
        self.spread_A, self.spread_B = (_spread(state["distances"][letter]) for letter in "AB")

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """For each direction that is trained an image, its translation and, with cycle losses, its reconstruction;
        for the other one an image."""
        real_A, real_B = batch.sides
        with mode(self.networks, training=False), torch.inference_mode():
            made = {"real_A": real_A, "real_B": real_B, **self.translate_there_and_back(batch)}
        rows = (("A", ("real_A", "fake_B", "rec_A")), ("B", ("real_B", "fake_A", "rec_B")))
        shown = [name for letter, row in rows for name in (row if letter in self.chosen.trained else row[:1])]
        return {name: made[name] for name in shown if name in made}


def _spread(saved: Any) -> Spread:
    mean, deviation = saved
    if not (is_number(mean) and is_number(deviation) and math.isfinite(mean) and 0 < deviation < math.inf):
        raise ValueError("the spread of distances is something else than two numbers")
    return Spread(mean, deviation)
