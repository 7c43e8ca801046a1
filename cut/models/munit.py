"""MUNIT (Huang, Liu, Belongie, Kautz, "Multimodal Unsupervised Image-to-Image Translation", ECCV 2018): an image has a
content, which both domains share, and a style of its domain. A translation keeps the content and gets another style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from cut.lazy import functional as F
from cut.lazy import torch
from cut.losses.pixels import l1
from cut.models.build import in_memory
from cut.models.draws import StepDraws, draw_seed
from cut.models.method import Method
from cut.models.munit_options import GAN_TYPES, MUNIT_RULES, MUNITOptions
from cut.models.styles import preview_styles, style_pictures
from cut.networks.init import initialise
from cut.networks.mode import frozen
from cut.options import Options
from cut.precision import full
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import Generator
    from cut.networks.munit import MultiScaleDiscriminator, StyleAutoEncoder
    from cut.networks.vgg import VGG16


@dataclass(frozen=True)
class MUNITDraws(StepDraws):
    """The styles of a step: N(0, 1), (B, style_dim, 1, 1) each, of the translations into A and of those into B.

    Attributes:
        dis: of the translations that the discriminators learn from.
        gen: of those that the generators learn from.
    """

    dis: tuple[Tensor, Tensor]
    gen: tuple[Tensor, Tensor]

    def to(self, device: torch.device | str, dtype: torch.dtype) -> MUNITDraws:
        return self._each(lambda style: style.to(device, dtype))

    def of_images(self, images: slice) -> MUNITDraws:
        return super().of_images(images)._each(lambda style: style[images])

    def _each(self, change: Callable[[Tensor], Tensor]) -> MUNITDraws:
        (dis_a, dis_b), (gen_a, gen_b) = self.dis, self.gen
        return replace(self, dis=(change(dis_a), change(dis_b)), gen=(change(gen_a), change(gen_b)))


@dataclass(frozen=True)
class Codes:
    """Contents and styles of the images of a batch."""

    c_a: Tensor
    s_a: Tensor
    c_b: Tensor
    s_b: Tensor


_DATA = {"load_size": 256, "crop_size": 256}


@MODELS.register(
    "munit",
    label="MUNIT",
    options=MUNITOptions,
    defaults={
        "train": {
            **_DATA,
            "jitter_while_decaying": True,
            "lr": 0.0001,
            "n_epochs": 1000,  # a million steps for a thousand images
            "n_epochs_decay": 0,
            "display_ncols": 6,
        },
        "test": _DATA,
    },
    without=("networks", "discriminator"),
    rules=MUNIT_RULES,
)
class MUNIT(Method):
    """gen_a and gen_b take apart and put together images of A and of B; dis_a and dis_b judge those of A and of B."""

    loss_names = (
        "dis_a", "dis_b", "dis_total",
        "gen_recon_x_a", "gen_recon_x_b", "gen_recon_s_a", "gen_recon_s_b", "gen_recon_c_a", "gen_recon_c_b",
        "gen_cycrecon_x_a", "gen_cycrecon_x_b", "gen_adv_a", "gen_adv_b", "gen_vgg_a", "gen_vgg_b", "gen_total",
    )  # fmt: skip
    total_loss = "gen_total"
    translators = {"AtoB": ("gen_a", "gen_b"), "BtoA": ("gen_b", "gen_a")}  # whose content encoder, whose decoder
    parts = {
        "encode": "contents and styles",
        "discriminator_loss": "D: translations and loss",
        "generator_loss": "G: translations and loss",
    }

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own: MUNITOptions = options.method
        self.gan = GAN_TYPES[self.own.gan_type]()
        self.rate = options.training.lr
        super().__init__(options, device, dtype)
        self.vgg = self.build_vgg()
        self.gen_a, self.gen_b = (cast("StyleAutoEncoder", self.networks[name]) for name in ("gen_a", "gen_b"))
        self.dis_a, self.dis_b = (cast("MultiScaleDiscriminator", self.networks[name]) for name in ("dis_a", "dis_b"))

    def build_networks(self) -> dict[str, nn.Module]:
        a, b = self.options.data.input_nc, self.options.data.output_nc
        return {
            "gen_a": build_auto_encoder(self.options, a),
            "gen_b": build_auto_encoder(self.options, b),
            "dis_a": build_multi_scale(self.options, a),
            "dis_b": build_multi_scale(self.options, b),
        }

    def build_vgg(self) -> VGG16 | None:
        """The network of the perceptual loss, which does not learn; None without that loss."""
        if not self.own.vgg_w or self.own.vgg_file is None:
            return None
        from cut.networks.vgg import read_vgg16

        return self.arithmetic.place(read_vgg16(self.own.vgg_file).to(self.dtype))

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        decay = self.own.weight_decay
        return {
            "dis": self.adam("dis_a", "dis_b", weight_decay=decay),
            "gen": self.adam("gen_a", "gen_b", weight_decay=decay),
        }

    # ------------------------------------------------------------------ one step

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> MUNITDraws:
        shape = len(batch), self.own.style_dim, 1, 1
        dis_a, dis_b, gen_a, gen_b = (torch.randn(shape, generator=generator) for _ in range(4))
        progress = {"epoch": epoch, "last_epoch": last_epoch, "step": step}
        return MUNITDraws((dis_a, dis_b), (gen_a, gen_b), seed=draw_seed(generator), **progress)

    def step(self, batch: Batch, draws: MUNITDraws) -> Logs:
        """First both discriminators, then both generators, on other translations of the same contents."""
        draws = self.begin(draws)
        super().set_learning_rate(self.rate * self.rate_factor(draws.step))
        codes = self.encode(batch)

        loss_d, logs_d = self.discriminator_loss(batch, codes, draws)
        self.update(loss_d, "dis")

        loss_g, logs_g = self.generator_loss(batch, codes, draws)
        self.update(loss_g, "gen")

        return self.in_logging_order({**logs_d, **logs_g})

    def encode(self, batch: Batch) -> Codes:
        """The codes of both sides, with a graph. The generators learn last, so that one pass serves both losses."""
        x_a, x_b = batch.sides
        return Codes(*self.gen_a.encode(x_a), *self.gen_b.encode(x_b))

    def discriminator_loss(self, batch: Batch, codes: Codes, draws: MUNITDraws) -> tuple[Tensor, Logs]:
        """The GAN loss of real images and translations, summed over the scales (section 3.2)."""
        x_a, x_b = batch.sides
        with torch.no_grad():
            x_ba = self.gen_a.decode(codes.c_b, draws.dis[0])
            x_ab = self.gen_b.decode(codes.c_a, draws.dis[1])
        logs = {"dis_a": self.judge(self.dis_a, x_ba, x_a), "dis_b": self.judge(self.dis_b, x_ab, x_b)}
        loss = self.own.gan_w * (logs["dis_a"] + logs["dis_b"])
        return loss, {**logs, "dis_total": loss}

    def judge(self, discriminator: MultiScaleDiscriminator, fake: Tensor, real: Tensor) -> Tensor:
        """The loss of a discriminator: fake and real, without ½."""
        if fake.shape == real.shape:
            both = [logits.chunk(2) for logits in discriminator(torch.cat([fake, real]))]
        else:
            both = list(zip(discriminator(fake), discriminator(real), strict=True))
        return torch.stack([self.gan.fake(of_fake) + self.gan.real(of_real) for of_fake, of_real in both]).sum()

    def generator_loss(self, batch: Batch, codes: Codes, draws: MUNITDraws) -> tuple[Tensor, Logs]:
        """Reconstruction of images (eq. 1), contents (eq. 2) and styles (eq. 3), GAN (eq. 4) and cycle (eq. 8).

        Contents before and after a translation both get gradients, as published.
        """
        own, (x_a, x_b) = self.own, batch.sides
        x_a_recon, x_ba = decode_two(self.gen_a, (codes.c_a, codes.s_a), (codes.c_b, draws.gen[0]))
        x_b_recon, x_ab = decode_two(self.gen_b, (codes.c_b, codes.s_b), (codes.c_a, draws.gen[1]))
        c_b_recon, s_a_recon = self.gen_a.encode(x_ba)
        c_a_recon, s_b_recon = self.gen_b.encode(x_ab)
        logs = {
            "gen_recon_x_a": l1(x_a_recon, x_a, batch.valid[0]),
            "gen_recon_x_b": l1(x_b_recon, x_b, batch.valid[1]),
            "gen_recon_s_a": F.l1_loss(s_a_recon, draws.gen[0]),
            "gen_recon_s_b": F.l1_loss(s_b_recon, draws.gen[1]),
            "gen_recon_c_a": F.l1_loss(full(c_a_recon), full(codes.c_a)),
            "gen_recon_c_b": F.l1_loss(full(c_b_recon), full(codes.c_b)),
            "gen_adv_a": self.adversarial(self.dis_a, x_ba),
            "gen_adv_b": self.adversarial(self.dis_b, x_ab),
        }
        logs |= dict.fromkeys(("gen_cycrecon_x_a", "gen_cycrecon_x_b", "gen_vgg_a", "gen_vgg_b"), x_a.new_zeros(()))
        if own.recon_x_cyc_w > 0:
            logs["gen_cycrecon_x_a"] = l1(self.gen_a.decode(c_a_recon, codes.s_a), x_a, batch.valid[0])
            logs["gen_cycrecon_x_b"] = l1(self.gen_b.decode(c_b_recon, codes.s_b), x_b, batch.valid[1])
        if self.vgg is not None:
            logs["gen_vgg_a"] = perceptual(self.vgg, x_ba, x_b)
            logs["gen_vgg_b"] = perceptual(self.vgg, x_ab, x_a)
        weights = {
            "recon_x": own.recon_x_w, "recon_s": own.recon_s_w, "recon_c": own.recon_c_w,
            "cycrecon_x": own.recon_x_cyc_w, "adv": own.gan_w, "vgg": own.vgg_w,
        }  # fmt: skip
        loss = torch.stack(
            [weight * (logs[f"gen_{name}_a"] + logs[f"gen_{name}_b"]) for name, weight in weights.items()]
        ).sum()
        return loss, {**logs, "gen_total": loss}

    def adversarial(self, discriminator: MultiScaleDiscriminator, fake: Tensor) -> Tensor:
        """The GAN loss of translations, with a gradient for the generator alone."""
        with frozen(discriminator):
            return torch.stack([self.gan.generator(logits) for logits in discriminator(fake)]).sum()

    # ------------------------------------------------------------------ around the step

    def rate_factor(self, step: int) -> float:
        """× gamma every `step_size` steps; as published the step that is under way is counted."""
        return self.own.gamma ** ((step + 1) // self.own.step_size)

    def set_learning_rate(self, rate: float) -> None:
        self.rate = rate
        super().set_learning_rate(rate)

    @classmethod
    def build_translator(cls, options: Options) -> Generator:
        source, target = (build_auto_encoder(options, nc) for nc in (options.data.input_nc, options.data.output_nc))
        return join(source, target, options.method.num_style)

    def join(self, networks: Sequence[nn.Module], direction: str) -> nn.Module:
        source, target = (cast("StyleAutoEncoder", network) for network in networks)
        return join(source, target)

    @property
    def chosen_by(self) -> tuple[str, str]:
        return (
            f"--n_downsample {self.own.n_downsample}",
            f"--n_layer {self.own.n_layer} --num_scales {self.own.num_scales}",
        )

    def size_problems(self, networks: Mapping[str, nn.Module], width: int, height: int) -> list[str]:
        multiple = 2**self.own.n_downsample
        if width % multiple or height % multiple:
            return [
                f"--n_downsample {self.own.n_downsample} needs images whose sides are multiples of {multiple} pixels, "
                f"not {width}×{height}: use another --crop_size, or fewer downsamplings."
            ]
        return super().size_problems(networks, width, height)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        generators = {"A": self.gen_a, "B": self.gen_b}
        with torch.inference_mode():
            codes = self.encode(batch)
            return style_pictures(
                dict(zip("AB", batch.sides, strict=True)),
                {"A": codes.c_a, "B": codes.c_b},
                {"A": codes.s_a, "B": codes.s_b},
                preview_styles(self.options.run.seed, codes.s_a),
                lambda letter, content, style: generators[letter].decode(content, style),
            )


def build_auto_encoder(options: Options, channels: int) -> StyleAutoEncoder:
    """Encoders and decoder of a domain whose images have so many channels, with fresh weights, on the CPU."""
    from cut.networks.munit import StyleAutoEncoder

    own: MUNITOptions = options.method

    def build() -> StyleAutoEncoder:
        return StyleAutoEncoder(channels, own.dim, own.style_dim, own.mlp_dim, own.n_downsample, own.n_res)

    return cast("StyleAutoEncoder", initialise(in_memory(build, f"MUNIT with --dim {own.dim}", options), "kaiming"))


def build_multi_scale(options: Options, channels: int) -> nn.Module:
    """A discriminator of images with so many channels, with fresh weights, on the CPU."""
    from cut.networks.munit import MultiScaleDiscriminator

    own: MUNITOptions = options.method

    def build() -> nn.Module:
        return MultiScaleDiscriminator(channels, own.dis_dim, own.n_layer, own.num_scales)

    return initialise(in_memory(build, f"MUNIT with --dis_dim {own.dis_dim}", options), "normal", 0.02)


def join(source: StyleAutoEncoder, target: StyleAutoEncoder, translations: int = 1) -> Generator:
    from cut.networks.munit import StyleTransfer

    return StyleTransfer(source, target, translations)


def perceptual(vgg: VGG16, translation: Tensor, image: Tensor) -> Tensor:
    """The squared distance of VGG's features of a translation and of the image it was made from (section 5.1)."""
    return F.mse_loss(full(vgg(translation)), full(vgg(image)))


def decode_two(generator: StyleAutoEncoder, *codes: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """The images of two contents with their styles, in one pass where their sizes allow it."""
    contents, styles = zip(*codes, strict=True)
    if contents[0].shape != contents[1].shape:
        return tuple(generator.decode(*code) for code in codes)
    return generator.decode(torch.cat(contents), torch.cat(styles)).chunk(2)
