"""DRIT++ (Lee, Tseng et al., "DRIT++: Diverse Image-to-Image Translation via Disentangled Representations", IJCV 2020;
its first version, ECCV 2018): a content that a discriminator keeps alike in both domains, and an attribute of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cut.errors import UserError
from cut.lazy import functional as F
from cut.lazy import torch
from cut.losses.gan import NonSaturating
from cut.losses.pixels import l1
from cut.models.build import in_memory
from cut.models.draws import draw_seed
from cut.models.drit_options import DRIT_RULES, DRITOptions
from cut.models.drit_passes import DRITDraws, Made, Pair, take_apart_and_make
from cut.models.image_sizes import fits
from cut.models.method import Method
from cut.models.styles import preview_styles, style_pictures
from cut.networks.mode import frozen
from cut.options import Options
from cut.processes.group import count
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.drit import Side
    from cut.networks.interface import Generator

RECONSTRUCTION, PRIOR = 10.0, 0.01  # the published weights of the L1 terms, and of those that keep codes small
DISTANCE_EPSILON = 1e-5
CONTENT_RATE = 0.4  # of --lr
CODE = 8  # numbers in an attribute code
WEIGHT_DECAY = 1e-4

_SIZES = {"load_size": 216, "crop_size": 216}


@MODELS.register(
    "drit",
    label="DRIT++",
    options=DRITOptions,
    defaults={
        "train": {
            "load_size": 256,
            "crop_size": 216,
            "jitter_while_decaying": True,
            "batch_size": 2,
            "lr": 0.0001,
            "n_epochs": 600,
            "n_epochs_decay": 600,
            "display_ncols": 6,
        },
        "test": _SIZES,
    },
    without=("networks", "discriminator"),
    rules=DRIT_RULES,
)
class DRIT(Method):
    """enc_c, enc_a and gen take images apart and make them; disA and disB judge translations with attributes of images,
    disA2 and disB2 those with random ones, disContent tells which domain a content is from."""

    loss_names = (
        "disA_loss", "disA2_loss", "disB_loss", "disB2_loss", "disContent_loss",
        "gan_loss_a", "gan_loss_b", "gan_loss_acontent", "gan_loss_bcontent",
        "kl_loss_za_a", "kl_loss_za_b", "kl_loss_zc_a", "kl_loss_zc_b",
        "l1_recon_A_loss", "l1_recon_B_loss", "l1_recon_AA_loss", "l1_recon_BB_loss", "G_loss",
        "l1_recon_z_loss_a", "l1_recon_z_loss_b", "gan2_loss_a", "gan2_loss_b", "lz_AB", "lz_BA",
    )  # fmt: skip
    total_loss = "G_loss"
    translators = {"AtoB": ("enc_c", "gen", "enc_a"), "BtoA": ("enc_c", "gen", "enc_a")}
    parts = {
        "translate_batch": "forward",
        "discriminator_loss": "D: losses",
        "encoded_loss": "G: losses with attributes of images",
        "random_loss": "G: losses with random attributes",
    }
    gradient_limits = {"disContent": 5.0}
    linear_decay = (-1, 1)  # the published rate begins to fall after epoch n_epochs + 1

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        if options.is_train and count() > 1:
            raise UserError("DRIT trains on two images a step, which processes cannot share: start it as one process.")
        self.own: DRITOptions = options.method
        self.gan, self.step_period = NonSaturating(), self.own.d_iter
        super().__init__(options, device, dtype)
        self.enc_c, self.enc_a, self.gen = (self.networks[name] for name in ("enc_c", "enc_a", "gen"))
        self.disContent = self.networks["disContent"]
        self.of_fake = {"A": self.networks["disA"], "B": self.networks["disB"]}
        self.of_random = {"A": self.networks["disA2"], "B": self.networks["disB2"]}

    def build_networks(self) -> dict[str, nn.Module]:
        a, b = self.options.data.input_nc, self.options.data.output_nc
        judges = {"disA": a, "disB": b, "disA2": a, "disB2": b}
        return {
            **{name: build_judge(self.options, channels) for name, channels in judges.items()},
            "disContent": build_content_judge(self.options),
            **build_translating(self.options, a, b),
        }

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        rates = {"disContent": CONTENT_RATE * self.options.training.lr}
        return {name: self.adam(name, lr=rates.get(name), weight_decay=WEIGHT_DECAY) for name in self.networks}

    # ------------------------------------------------------------------ one step

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> DRITDraws:
        height, width = batch.source.shape[-2:]

        def two(*shape: int) -> Pair:
            return torch.randn(1, *shape, generator=generator), torch.randn(1, *shape, generator=generator)

        of_content, with_noise = (4 * self.own.width, height // 4, width // 4), self.own.concat
        drawn: dict[str, Any] = {"content_only": self.trains_content_only(step), "noise": two(*of_content)}
        if not drawn["content_only"]:
            drawn["attribute"] = two(CODE) if with_noise else ()
            drawn["random"] = two(CODE)[: 1 if self.own.no_ms else 2]
            drawn["fake_noise"] = two(*of_content)
            drawn["fake_attribute"] = two(CODE) if with_noise else ()
        return DRITDraws(**drawn, seed=draw_seed(generator), epoch=epoch, last_epoch=last_epoch, step=step)

    def trains_content_only(self, step: int) -> bool:
        """Whether a step of the run leaves all networks but the content discriminator as they are."""
        length = self.steps_per_epoch
        in_epoch = step % length if length else step
        return (in_epoch + 1) % self.own.d_iter != 0 and (not length or in_epoch < length - 2)

    def step(self, batch: Batch, draws: DRITDraws) -> Logs:
        """The content discriminator; in every `d_iter`-th step all discriminators, and then all other networks."""
        draws = self.begin(draws)
        if draws.content_only:
            with torch.no_grad():
                contents = [
                    self.enc_c(images.split(1)[0], side, noise)
                    for side, images, noise in zip("AB", batch.sides, draws.noise, strict=True)
                ]
            loss = self.content_loss(*contents)
            self.update(loss, "disContent")
            return self.in_logging_order({"disContent_loss": loss})
        made = self.translate_batch(batch, draws)

        loss_d, logs_d = self.discriminator_loss(made)
        self.update(loss_d, "disA", "disA2", "disB", "disB2", "disContent")

        loss, logs = self.encoded_loss(made)
        random_loss, random_logs = self.random_loss(made, draws)
        # Both gradients at the same weights: the published code takes the second one after the first step, through a
        # graph whose weights have changed, which PyTorch has refused since version 1.5.
        self.update_in_turn((loss, ("enc_c", "enc_a", "gen")), (random_loss, ("enc_c", "gen")))

        return self.in_logging_order({**logs_d, **logs, **random_logs})

    def translate_batch(self, batch: Batch, draws: DRITDraws) -> dict[str, Made]:
        """All that a step needs, by domain, with a graph (figure 3)."""
        return take_apart_and_make(self.enc_c, self.enc_a, self.gen, batch, draws)

    def content_loss(self, content_a: Tensor, content_b: Tensor) -> Tensor:
        """The content discriminator's: contents of A are 0, of B 1 (eq. 1)."""
        of_a, of_b = (self.disContent(content.detach()) for content in (content_a, content_b))
        return self.gan.fake(of_a) + self.gan.real(of_b)

    def discriminator_loss(self, made: Mapping[str, Made]) -> tuple[Tensor, Logs]:
        """The losses of all discriminators, each of which learns from its own alone."""
        logs = {}
        for side, of_side in made.items():
            logs[f"dis{side}_loss"] = self.judge(self.of_fake[side], of_side.fake, of_side.real)
            logs[f"dis{side}2_loss"] = self.judge(self.of_random[side], of_side.random, of_side.other)
        logs["disContent_loss"] = self.content_loss(made["A"].content, made["B"].content)
        return torch.stack(list(logs.values())).sum(), logs

    def judge(self, discriminator: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        """A discriminator's loss: for each fake image once fake and once real, summed over the scales."""
        maps = [logits.split(len(fake)) for logits in discriminator(torch.cat([fake.detach(), real]))]
        return (
            len(fake)
            * torch.stack([self.gan.fake(of_fake) + self.gan.real(of_real) for of_fake, of_real in maps]).sum()
        )

    def encoded_loss(self, made: Mapping[str, Made]) -> tuple[Tensor, Logs]:
        """What trains with attributes of images: GAN, contents, reconstruction, codes (eq. 2, 4, 5 and 6)."""
        logs = {}
        for side, of_side in made.items():
            name = side.lower()
            logs[f"gan_loss_{name}"] = self.adversarial(self.of_fake[side], of_side.fake)
            with frozen(self.disContent):
                logits = self.disContent(of_side.content)
            logs[f"gan_loss_{name}content"] = (F.softplus(logits) - logits / 2).mean()  # neither 0 nor 1
            logs[f"kl_loss_za_{name}"] = PRIOR * prior_loss(of_side.mean, of_side.log_variance)
            logs[f"kl_loss_zc_{name}"] = PRIOR * of_side.content.square().mean()
            logs[f"l1_recon_{side}_loss"] = RECONSTRUCTION * l1(of_side.cycle, of_side.real, of_side.valid)
            logs[f"l1_recon_{2 * side}_loss"] = RECONSTRUCTION * l1(of_side.own, of_side.real, of_side.valid)
        loss = torch.stack(list(logs.values())).sum()
        return loss, {**logs, "G_loss": loss}

    def random_loss(self, made: Mapping[str, Made], draws: DRITDraws) -> tuple[Tensor, Logs]:
        """What trains with random attributes: GAN, attributes found again (eq. 7), and mode seeking (eq. 8)."""
        logs = {}
        for side, of_side in made.items():
            name = side.lower()
            logs[f"gan2_loss_{name}"] = self.adversarial(self.of_random[side], of_side.random)
            logs[f"l1_recon_z_loss_{name}"] = RECONSTRUCTION * F.l1_loss(of_side.random_mean, draws.random[0])
            if len(draws.random) > 1:
                (first, second), (z, z2) = of_side.random.split(1), draws.random
                ratio = F.l1_loss(second, first) / F.l1_loss(z2, z)
                logs["lz_BA" if side == "A" else "lz_AB"] = 1 / (ratio + DISTANCE_EPSILON)
        return torch.stack(list(logs.values())).sum(), logs

    def adversarial(self, discriminator: nn.Module, fake: Tensor) -> Tensor:
        """The GAN loss of the fake images, summed over them and the scales."""
        with frozen(discriminator):
            return len(fake) * torch.stack([self.gan.generator(logits) for logits in discriminator(fake)]).sum()

    # ------------------------------------------------------------------ around the step

    @property
    def one_shape(self) -> str | None:
        return "contents of both domains pass through the networks together; use --preprocess resize_and_crop"

    def size_problems(self, networks: Mapping[str, nn.Module], width: int, height: int) -> list[str]:
        if width % 4 or height % 4:
            return [f"DRIT needs sides that are multiples of 4 pixels, not {width}×{height}: use another --crop_size."]
        channels = self.options.data.input_nc

        def made_again(image: Tensor) -> Tensor:
            content, (code, _) = networks["enc_c"](image, "A"), networks["enc_a"](image, "A")
            return networks["gen"](content, code, "A")

        def content_judged(image: Tensor) -> Tensor:
            return networks["disContent"](networks["enc_c"](image, "A"))

        if not all(fits(run, channels, width, height) for run in (networks["disA"], made_again)):
            return [f"Images of {width}×{height} pixels are too small for DRIT's networks: use a larger --crop_size."]
        if not fits(content_judged, channels, width, height):
            least = next(side for side in range(4, 1024, 4) if fits(content_judged, channels, side, side))
            return [
                f"DRIT's content discriminator needs images of at least {least}×{least} pixels, not {width}×{height}: "
                f"use --crop_size {least} or more."
            ]
        return []

    @classmethod
    def build_translator(cls, options: Options) -> Generator:
        source, target = options.data.input_nc, options.data.output_nc
        a, b = (target, source) if options.backward else (source, target)
        networks = build_translating(options, a, b)
        parts = [networks[name] for name in cls.translator_names(options)]
        return join(parts, "BtoA" if options.backward else "AtoB", source, options.method.num_style)

    def join(self, networks: Sequence[nn.Module], direction: str) -> nn.Module:
        data = self.options.data
        return join(networks, direction, data.input_nc if direction == "AtoB" else data.output_nc)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        images = dict(zip("AB", batch.sides, strict=True))
        with torch.inference_mode():
            contents = {side: self.enc_c(images[side], side) for side in images}
            codes = {side: self.enc_a(images[side], side)[0] for side in images}
            drawn = preview_styles(self.options.run.seed, codes["A"])
            return style_pictures(
                images, contents, codes, drawn, lambda side, content, code: self.gen(content, code, side)
            )


def prior_loss(mean: Tensor, log_variance: Tensor | None) -> Tensor:
    """The divergence of an attribute's distribution from N(0, 1), summed; the mean square where there is none."""
    if log_variance is None:
        return mean.square().mean()
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2


def build(options: Options, make: Callable[[], nn.Module]) -> nn.Module:
    """A network with fresh weights, on the CPU: N(0, 0.02) in convolutions, PyTorch's own elsewhere."""
    network = in_memory(make, f"DRIT with --width {options.method.width}", options)
    for layer in network.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            torch.nn.init.normal_(layer.weight, 0.0, 0.02)
    return network


def build_judge(options: Options, channels: int) -> nn.Module:
    """A discriminator of images with so many channels."""
    from cut.networks.drit_discriminators import OneScaleDiscriminator, ScaledDiscriminator

    width, scales = options.method.width, options.method.dis_scale
    if scales == 1:
        return build(options, lambda: OneScaleDiscriminator(channels, width))
    return build(options, lambda: ScaledDiscriminator(channels, width, scales))


def build_content_judge(options: Options) -> nn.Module:
    from cut.networks.drit_discriminators import ContentDiscriminator

    return build(options, lambda: ContentDiscriminator(options.method.width))


def build_translating(options: Options, a: int, b: int) -> dict[str, nn.Module]:
    """Encoders and generator for images of A and B with so many channels."""
    from cut.networks import drit

    concat, width = options.method.concat, options.method.width
    attributes = drit.GaussianAttributeEncoder if concat else drit.PlainAttributeEncoder
    generator = drit.ConcatGenerator if concat else drit.MixedGenerator
    kinds = {"enc_c": drit.ContentEncoder, "enc_a": attributes, "gen": generator}
    return {name: build(options, partial(kind, a, b, width)) for name, kind in kinds.items()}


def join(networks: Sequence[Any], direction: str, channels: int, translations: int = 1) -> Generator:
    """enc_c, gen and enc_a as one, which translates images with so many channels in a direction."""
    from cut.networks.drit import AttributeTransfer

    encoder, generator, attributes = networks
    way: tuple[Side, Side] = ("A", "B") if direction == "AtoB" else ("B", "A")
    return AttributeTransfer(encoder, generator, attributes, way, channels, translations)
