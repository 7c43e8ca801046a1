"""CUT and FastCUT (Park et al., "Contrastive Learning for Unpaired Image-to-Image Translation", ECCV 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from cut.lazy import torch
from cut.losses.pixels import l1
from cut.models.adversary import Adversary
from cut.models.build import build_discriminator, build_generator, build_head
from cut.models.contrastive_options import CONTRASTIVE_RULES, ContrastiveOptions
from cut.models.draws import Draws, draw_seed
from cut.models.image_sizes import TapShapes
from cut.models.method import PENALTY_NEEDS_ONE_SHAPE, Method
from cut.models.patch_contrast import PatchContrast
from cut.models.shared_passes import (
    Translated,
    query_and_key_features,
    saves_time,
    stacked_sides,
    translate_batch,
    with_channels,
)
from cut.networks.mode import mode
from cut.options import Options
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.models.shared_passes import Features
    from cut.networks.interface import ContrastiveGenerator, Discriminator


@MODELS.register(
    "cut",
    label="CUT",
    options=ContrastiveOptions,
    presets={"FastCUT": "fastcut.yaml"},
    rules=CONTRASTIVE_RULES,
)
class CUT(Method):
    """Generator G, discriminator D of the target domain, and the head F that projects patches of G's features."""

    parts = {
        "translate_batch": "forward (G)",
        "discriminator_loss": "D: loss",
        "generator_loss": "G and F: loss and gradients of its parts",
    }

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own: ContrastiveOptions = options.method
        self.probe = TapShapes(options, self.own.taps)
        self.adversary, self.contrast = Adversary(options), PatchContrast(options)
        self.loss_names = ("G_GAN", "D_real", "D_fake", "D_GP", "G", *self.contrast.loss_names, "D_R1", "idt")
        super().__init__(options, device, dtype)
        self.G = cast("ContrastiveGenerator", self.networks["G"])
        self.D = cast("Discriminator", self.networks["D"])
        self.F = self.networks["F"]

    def build_networks(self) -> dict[str, nn.Module]:
        crop = self.options.data.crop_size
        widths = [channels for channels, _, _ in self.probe.tap_shapes(crop, crop)]
        return {
            "G": build_generator(self.options),
            "D": build_discriminator(self.options),
            "F": build_head(self.options, widths),
        }

    # ------------------------------------------------------------------ one step (section 3.3)

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> Draws:
        height, width = batch.source.shape[-2:]
        flip = self.own.flip_equivariance and torch.rand((), generator=generator).item() < 0.5
        patches, identity_patches = self.contrast.draw(self.probe.tap_shapes(height, width), generator)
        return Draws(
            patches=patches,
            identity_patches=identity_patches,
            flip=flip,
            mix=self.adversary.draw_mix(len(batch), generator),
            seed=draw_seed(generator),
            epoch=epoch,
            last_epoch=last_epoch,
            step=step,
        )

    def step(self, batch: Batch, draws: Draws) -> Logs:
        """First D, then G and F together."""
        draws = self.begin(draws)
        translated = self.translate_batch(batch, draws)

        loss_d, logs_d = self.discriminator_loss(batch, translated, draws)
        self.update(loss_d, "D")

        loss_g, logs_g = self.generator_loss(batch, translated, draws)
        self.update(loss_g, "G", "F")

        return self.in_logging_order({**logs_d, **logs_g})

    def translate_batch(self, batch: Batch, draws: Draws) -> Translated:
        """G(source) and, where an identity part needs it, G(target), with a graph."""
        taps, images = self.own.taps if self.contrast.compares else (), self.generator_input(batch)
        places = self.contrast.places(self.F, draws, len(batch))
        return translate_batch(self.G, images, len(batch), draws.flip, taps, self.contrast.keys_with_graph, places)

    def discriminator_loss(self, batch: Batch, translated: Translated, draws: Draws) -> tuple[Tensor, Logs]:
        """½ (fake + real) and penalties; the real images are never mirrored."""
        loss, logs = self.adversary.discriminator_loss(self.D, translated.fake, batch.sides[1], draws, draws.mix)
        return loss, {f"D_{name}": value for name, value in logs.items()}

    def generator_loss(self, batch: Batch, translated: Translated, draws: Draws) -> tuple[Tensor, Logs]:
        """λ_GAN · GAN + λ_NCE · PatchNCE (eq. 5), the latter averaged with its identity part where there is one; and
        λ_SRC · SRC."""
        loss_gan = translated.fake.new_zeros(())
        if self.own.lambda_GAN > 0:
            loss_gan = self.own.lambda_GAN * self.adversary.generator_loss(self.D, translated.fake)
        loss, logs = loss_gan, {"G_GAN": loss_gan}

        if self.contrast.compares:
            loss_contrast, logs_contrast = self.contrastive_loss(batch, translated, draws)
            loss, logs = loss + loss_contrast, logs | logs_contrast
        if self.own.lambda_identity > 0 and translated.identity is not None:
            # A flipped step translates flipped images.
            target = batch.sides[1].flip(3) if draws.flip else batch.sides[1]
            valid = batch.valid[1].flip(3) if draws.flip and batch.valid[1] is not None else batch.valid[1]
            logs["idt"] = self.own.lambda_identity * l1(translated.identity, target, valid)
            loss = loss + logs["idt"]
        return loss, {**logs, "G": loss}

    def contrastive_loss(self, batch: Batch, translated: Translated, draws: Draws) -> tuple[Tensor, Logs]:
        """PatchNCE and SRC of (source, G(source)) and, with `nce_idt`, of (target, G(target)), see
        `PatchContrast.loss`."""
        from cut.losses.early_gradients import differentiated_at_once

        translations = [made for made in (translated.fake, translated.identity) if made is not None]
        pairs = range(self.contrast.pairs)
        logs: Logs = {}
        loss = translated.fake.new_zeros(())
        # On a CPU one pass for each pair takes no longer than one for both, and its graph needs half the memory.
        together = self.contrast.keys_with_graph or saves_time(self.device)
        for numbers in [pairs] if together else [[number] for number in pairs]:
            part = partial(self.compare, batch, translated.keys, draws, numbers)
            made = [translations[number] for number in numbers]
            if self.contrast.keys_with_graph:  # in the graph of the translations
                own_loss, own_logs = part(*made)
            else:
                own_loss, own_logs = differentiated_at_once(part, made, (self.G, self.F))
            loss, logs = loss + own_loss, logs | own_logs
        return loss, logs

    def compare(
        self, batch: Batch, keys: Features | None, draws: Draws, numbers: Sequence[int], *translations: Tensor
    ) -> tuple[Tensor, Logs]:
        """The contrastive loss of pairs that follow one another.

        Args:
            batch: with the images.
            keys: `Translated.keys`.
            draws: of the step.
            numbers: of the pairs: 0 is (source, G(source)), 1 is (target, G(target)).
            translations: (B, C, H, W) of each of these pairs.
        """
        size, first = len(batch), numbers[0]
        places = self.contrast.places(self.F, draws, size)
        widths = [shape[2] for shape in self.probe.tap_shapes(*batch.source.shape[-2:])] if places else []
        features = query_and_key_features(
            self.encode,
            self.G.encoder_is_exact,
            pairs=[(batch.sides[number], made) for number, made in zip(numbers, translations, strict=True)],
            known_keys=keys if keys is None or first == 0 else [tap[first * size :] for tap in keys],
            flipped=draws.flip,
            keys_with_graph=self.contrast.keys_with_graph,
            places=[places[number] for number in numbers] if places else [],
            widths=widths,
        )
        positions = [(draws.patches, draws.identity_patches)[number] for number in numbers]
        vectors = [self.contrast.vectors(self.F, *pair) for pair in zip(*features, positions, strict=True)]
        return self.contrast.loss(dict(zip(numbers, vectors, strict=True)), draws.epoch, draws.last_epoch)

    def encode(self, images: Tensor, positions: Sequence[Tensor] = ()) -> list[Tensor]:
        """Features of images of either domain at the taps: maps, or their vectors at positions (B, P).

        Images are converted to the encoder's channel count where needed.
        """
        images = with_channels(images, self.options.data.input_nc)
        if positions:
            return self.G.encode_at(images, self.own.taps, positions)
        return self.G.encode(images, self.own.taps)

    def kind_of_step(self, draws: Draws) -> tuple[bool, bool, int]:
        return draws.flip, self.adversary.penalises(draws), draws.epoch if self.contrast.form.follows_epoch else 0

    def extra_state(self) -> dict[str, Any]:
        return {"memory": self.contrast.memory.state()} if self.own.nce_memory else {}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        if self.own.nce_memory:
            self.contrast.memory.load(state.get("memory", []), self.device)

    # ------------------------------------------------------------------ what follows from the options

    @property
    def translates_target(self) -> bool:
        """Whether the generator is run on the target images too."""
        return self.own.nce_idt or self.own.lambda_identity > 0

    @property
    def one_shape(self) -> str | None:
        if self.translates_target:
            off = ["--nce_idt false"] * self.own.nce_idt + ["--lambda_identity 0"] * (self.own.lambda_identity > 0)
            return f"the identity loss needs source and target of one size; use {' and '.join(off)}"
        return PENALTY_NEEDS_ONE_SHAPE if self.adversary.needs_mix else None

    def generator_input(self, batch: Batch) -> Tensor:
        """[source; target] where G(target) is needed, else source."""
        return stacked_sides(batch) if self.translates_target else batch.source

    def check_size(self, width: int, height: int) -> None:
        super().check_size(width, height)
        self.contrast.check_size(width, height, self.probe.tap_shapes(height, width), self.device)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """real_A, fake_B, real_B and, with an identity part, idt_B."""
        with mode(self.G, training=False), torch.inference_mode():  # leaves batch norm's running statistics alone
            translated = self.G(self.generator_input(batch))
        fake, identity = translated[: len(batch)], translated[len(batch) :]
        pictures = {"real_A": batch.source, "fake_B": fake, "real_B": batch.sides[1]}
        return {**pictures, "idt_B": identity} if len(identity) else pictures
