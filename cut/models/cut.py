"""CUT and FastCUT (Park et al., "Contrastive Learning for Unpaired Image-to-Image Translation", ECCV 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cut.data.batch import Batch
from cut.errors import UserError
from cut.losses.gradient_penalty import wgan_penalty
from cut.losses.patchnce import multi_tap_nce
from cut.models.build import (
    ShapeProbe,
    build_discriminator,
    build_gan_loss,
    build_generator,
    build_head,
    build_query_loss,
)
from cut.models.draws import Draws
from cut.networks.heads import draw_positions
from cut.networks.mode import frozen, mode
from cut.options import Options
from cut.registry import MODELS

Logs = dict[str, Tensor]


@dataclass(frozen=True)
class Translated:
    """What the generator made of a batch.

    Attributes:
        fake: (B, C, H, W) G(source), mirrored when the step flips.
        identity: G(target), or None where nothing needs it.
        keys: the encoder's features of [source; target] at the taps, where the same pass gives them exactly.
    """

    fake: Tensor
    identity: Tensor | None
    keys: list[Tensor] | None


@MODELS.register("cut", presets={"FastCUT": "fastcut.yaml"})
class CUT:
    """Generator G, discriminator D and patch head F with their optimizers, and one training step.

    Args:
        options: as from `train_options`; the weights follow from `options.run.seed`.
        device: where the networks live and steps run.
        dtype: of the weights; batches must match.

    Attributes:
        networks: `G`, `D` and `F`.
        optimizers: one Adam for each network that has weights.
    """

    loss_names: tuple[str, ...] = ("G_GAN", "D_real", "D_fake", "D_GP", "G", "NCE", "NCE_Y")  # in logging order

    def __init__(
        self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.options, self.device, self.dtype = options, torch.device(device), dtype
        self.probe = ShapeProbe(options)
        taps = self.probe.check_size(options.data.crop_size, options.data.crop_size)

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.run.seed)
            networks = {
                "G": build_generator(options),
                "D": build_discriminator(options),
                "F": build_head(options, [channels for channels, _, _ in taps]),
            }
        self.networks = nn.ModuleDict(networks).to(self.device, dtype)
        self.G, self.D, self.F = networks.values()
        self.gan = build_gan_loss(options)
        self.query_loss = build_query_loss(options)

        training = options.training
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=training.lr, betas=(training.beta1, training.beta2))
            for name, network in networks.items()
            if any(True for _ in network.parameters())
        }

    # ------------------------------------------------------------------ one step

    def step(self, batch: Batch, draws: Draws) -> Logs:
        """Train on one batch: first D, then G and F (section 3.3).

        Args:
            batch: images on this model's device.
            draws: as from `draw`.

        Returns:
            Scalars without a graph, by published name, in logging order. Gradients stay in `.grad` until the next step.
        """
        draws = draws.to(self.device, self.dtype)
        if draws.seed is not None:
            torch.manual_seed(draws.seed)
        translated = self.translate_batch(batch, draws)

        loss_d, logs_d = self.discriminator_loss(batch, translated, draws)
        self.update(loss_d, "D")

        loss_g, logs_g = self.generator_loss(batch, translated, draws)
        self.update(loss_g, "G", "F")

        logs = {**logs_d, **logs_g}
        return {name: logs[name].detach() for name in self.loss_names if name in logs}

    def draw(self, batch: Batch, generator: torch.Generator | None = None) -> Draws:
        """Draw what one step on this batch needs, on the CPU whatever the model's device.

        Args:
            batch: only its size matters.
            generator: a CPU generator; None for the global one.
        """
        height, width = batch.source.shape[-2:]
        sizes = [size[1:] for size in self.probe.tap_shapes(height, width)]
        count = self.options.loss.num_patches if self.options.loss.lambda_NCE > 0 else 0
        flip = self.options.loss.flip_equivariance and torch.rand((), generator=generator).item() < 0.5
        return Draws(
            patches=tuple(draw_positions(size, count, generator) for size in sizes),
            identity_patches=tuple(draw_positions(size, count, generator) for size in sizes if self.nce_identity),
            flip=flip,
            mix=torch.rand(len(batch), 1, 1, 1, generator=generator) if self.gan.gradient_penalty else None,
            seed=int(torch.randint(2**62, (), generator=generator)),
        )

    def update(self, loss: Tensor, *names: str) -> None:
        """One optimizer step of the named networks."""
        optimizers = [self.optimizers[name] for name in names if name in self.optimizers]
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    # ------------------------------------------------------------------ its parts

    def translate_batch(self, batch: Batch, draws: Draws) -> Translated:
        """G(source) and, where an identity part needs it, G(target), with a graph."""
        images = self.generator_input(batch)
        if draws.flip:
            images = images.flip(3)
        keys = None
        if self.reuses_keys and not draws.flip:
            translated, features = self.G.forward_with_features(images, self.options.loss.taps)
            keys = [feature.detach() for feature in features]
        else:
            translated = self.G(images)
        fake, identity = translated[: len(batch)], translated[len(batch) :]
        return Translated(fake, identity if len(identity) else None, keys)

    def discriminator_loss(self, batch: Batch, translated: Translated, draws: Draws) -> tuple[Tensor, Logs]:
        """½ (fake + real) and penalties; G gets no gradient. The real images are never mirrored."""
        fake = translated.fake.detach()
        real = batch.target.detach().requires_grad_(self.penalises_real)
        logits_fake, logits_real = self.judge(fake, real)
        loss_fake, loss_real = self.gan.fake(logits_fake), self.gan.real(logits_real)
        penalties = self.discriminator_penalties(fake, real, logits_real, draws)
        loss = sum(penalties.values(), start=(loss_fake + loss_real) / 2)
        return loss, {"D_real": loss_real, "D_fake": loss_fake, **penalties}

    def discriminator_penalties(self, fake: Tensor, real: Tensor, logits_real: Tensor, draws: Draws) -> Logs:
        """What D pays beside the GAN loss, by logged name."""
        if not self.gan.gradient_penalty:
            return {}
        return {"D_GP": self.gan.gradient_penalty * wgan_penalty(self.D, real, fake, draws.mix)}

    def generator_loss(self, batch: Batch, translated: Translated, draws: Draws) -> tuple[Tensor, Logs]:
        """λ_GAN · GAN + λ_NCE · PatchNCE (eq. 5), the latter averaged with its identity part where there is one."""
        weights = self.options.loss
        loss_gan = translated.fake.new_zeros(())
        if weights.lambda_GAN > 0:
            with frozen(self.D):
                loss_gan = weights.lambda_GAN * self.gan.generator(self.D(translated.fake))
        logs = {"G_GAN": loss_gan}

        loss_nce = translated.fake.new_zeros(())
        if weights.lambda_NCE > 0:
            nce = [weights.lambda_NCE * loss for loss in self.contrastive_losses(batch, translated, draws)]
            logs |= dict(zip(("NCE", "NCE_Y"), nce))  # noqa: B905 the second is there with nce_idt only
            loss_nce = sum(nce) / len(nce)
        loss = loss_gan + loss_nce
        return loss, {**logs, "G": loss}

    def contrastive_losses(self, batch: Batch, translated: Translated, draws: Draws) -> list[Tensor]:
        """PatchNCE of (source, G(source)) and, with `nce_idt`, of (target, G(target)), in this order."""
        pairs = [(batch.source, translated.fake, draws.patches)]
        if self.nce_identity:
            pairs.append((batch.target, translated.identity, draws.identity_patches))
        queries, keys = self.query_and_key_features(pairs, translated.keys, draws.flip)

        losses = []
        for index, (_, _, positions) in enumerate(pairs):
            with torch.no_grad():  # only queries send gradients to G and F, so keys need no graph
                key = self.F(keys[index], positions)
            query = self.F(queries[index], positions)
            across_batch = self.options.loss.nce_includes_all_negatives_from_minibatch
            losses.append(multi_tap_nce(query, key, self.options.loss.nce_T, across_batch, self.query_loss))
        return losses

    def query_and_key_features(
        self, pairs: Sequence[tuple[Tensor, Tensor, object]], known_keys: list[Tensor] | None, flipped: bool
    ) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        """Features at the taps of the translations and of the images they came from, a list of maps for each pair.

        Mirrored translations give mirrored features, which are mirrored back, so that positions correspond.
        """
        size = len(pairs[0][0])
        if not self.G.encoder_is_exact:
            # Batch statistics or dropout tie the images of a pass together: one pass for each set, queries first.
            queries, keys = [], []
            for image, translation, _ in pairs:
                queries.append(self.encode_mirrored(translation, flipped))
                with torch.no_grad():
                    keys.append(self.encode(image))
            return queries, keys

        queries = self.encode_mirrored(torch.cat([translation for _, translation, _ in pairs]), flipped)
        if known_keys is None:
            with torch.no_grad():
                known_keys = self.encode(torch.cat([image for image, _, _ in pairs]))
        return (
            [[feature[i * size : (i + 1) * size] for feature in queries] for i in range(len(pairs))],
            [[feature[i * size : (i + 1) * size] for feature in known_keys] for i in range(len(pairs))],
        )

    def judge(self, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """D's logits of both, in one pass where that is exact and no gradient by the real images is wanted."""
        if self.D.per_image and fake.shape == real.shape and not real.requires_grad:
            logits = self.D(torch.cat([fake, real]))
            return logits[: len(fake)], logits[len(fake) :]
        return self.D(fake), self.D(real)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Features of images of either domain: those of another channel count are brought to the encoder's."""
        return self.G.encode(with_channels(images, self.options.data.input_nc), self.options.loss.taps)

    def encode_mirrored(self, images: Tensor, mirrored: bool) -> list[Tensor]:
        features = self.encode(images)
        return [feature.flip(3) for feature in features] if mirrored else features

    # ------------------------------------------------------------------ what follows from the options

    @property
    def nce_identity(self) -> bool:
        """Whether PatchNCE has its identity part on (target, G(target))."""
        return self.options.loss.nce_idt and self.options.loss.lambda_NCE > 0

    @property
    def translates_target(self) -> bool:
        """Whether the generator is run on the target images too."""
        return self.options.loss.nce_idt

    @property
    def penalises_real(self) -> bool:
        """Whether a penalty needs the gradient of D by the real images."""
        return False

    @property
    def reuses_keys(self) -> bool:
        """Whether the features of the first pass are the keys: G has not changed when they are needed."""
        return self.G.encoder_is_exact and self.options.loss.lambda_NCE > 0

    def generator_input(self, batch: Batch) -> Tensor:
        """[source; target] where G(target) is needed, else source."""
        if not self.translates_target:
            return batch.source
        if batch.source.shape[1:] != batch.target.shape[1:]:
            source, target = ("×".join(map(str, image.shape[1:])) for image in (batch.source, batch.target))
            raise UserError(
                f"With an identity loss the images of both sides must have one shape, but the source is {source} and "
                f"the target {target}: let --preprocess crop them to one size, or use --nce_idt false."
            )
        return torch.cat([batch.source, batch.target])

    # ------------------------------------------------------------------ around the step

    def set_learning_rate(self, rate: float) -> None:
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate

    @torch.inference_mode()
    def translate(self, source: Tensor) -> Tensor:
        """G(source): (B, C, H, W) in [−1, 1] → the same size, in the mode (train or eval) that G is in."""
        return self.G(source)

    @torch.inference_mode()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """The pictures of a batch by published name: real_A, fake_B, real_B and, with an identity part, idt_B."""
        with mode(self.G, training=False):  # leaves batch norm's running statistics alone
            translated = self.G(self.generator_input(batch))
        fake, identity = translated[: len(batch)], translated[len(batch) :]
        pictures = {"real_A": batch.source, "fake_B": fake, "real_B": batch.target}
        return {**pictures, "idt_B": identity} if len(identity) else pictures


def with_channels(images: Tensor, channels: int) -> Tensor:
    """(B, C, H, W) with one or three channels as an image of the other count: repeated, or the luma of ITU-R 601."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1)
    return (images * images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
