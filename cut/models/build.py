"""Options → networks: the one place where the names of options meet the arguments of constructors."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from cut.errors import UserError
from cut.losses.patchnce import focal
from cut.networks.init import initialise
from cut.networks.interface import Discriminator, Generator
from cut.options import Options
from cut.registry import DISCRIMINATORS, GAN_LOSSES, GENERATORS, HEADS


def build_generator(options: Options) -> Generator:
    """The generator G with fresh weights from the global random generator, on the CPU."""
    chosen = options.networks
    network = GENERATORS.build(
        chosen.netG,
        input_nc=options.data.input_nc,
        output_nc=options.data.output_nc,
        ngf=chosen.ngf,
        norm=chosen.normG,
        dropout=not chosen.no_dropout,
        antialias=not chosen.no_antialias,
        antialias_up=not chosen.no_antialias_up,
        load_size=options.data.load_size,
        crop_size=options.data.crop_size,
        **options.own,
    )
    return initialise(network, chosen.init_type, chosen.init_gain)


def build_discriminator(options: Options) -> Discriminator:
    """The discriminator D of the target domain with fresh weights, on the CPU."""
    chosen = options.networks
    network = DISCRIMINATORS.build(
        chosen.netD,
        input_nc=options.data.output_nc,
        ndf=chosen.ndf,
        n_layers=chosen.n_layers_D,
        norm=chosen.normD,
        antialias=not chosen.no_antialias,
        load_size=options.data.load_size,
        crop_size=options.data.crop_size,
        **options.own,
    )
    return initialise(network, chosen.init_type, chosen.init_gain)


def build_head(options: Options, channels: Sequence[int]) -> nn.Module:
    """The head F for taps of these widths, with fresh weights, on the CPU."""
    chosen = options.networks
    network = HEADS.build(chosen.netF, channels=channels, netF_nc=chosen.netF_nc, **options.own)
    return initialise(network, chosen.init_type, chosen.init_gain)


def build_gan_loss(options: Options):
    """The adversarial loss, a `cut.losses.gan.AdversarialLoss`."""
    return GAN_LOSSES.build(options.loss.gan_mode, **options.own)


def build_query_loss(options: Options) -> Callable[[Tensor], Tensor] | None:
    """What PatchNCE makes of its queries' cross-entropies; None where they are the loss."""
    chosen = options.loss
    if chosen.nce_loss == "ce":
        return None
    full_gradient = chosen.focal_gradient == "full"
    return partial(focal, gamma=chosen.focal_gamma, alpha=chosen.focal_alpha, full_gradient=full_gradient)


class ShapeProbe:
    """Shapes of a generator's taps and checks of image sizes, found on the `meta` device: nothing is computed.

    Args:
        options: what the networks are made from.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        with torch.device("meta"):
            self.generator = build_generator(options)
            self.discriminator = build_discriminator(options)
        self._found: dict[tuple[int, int], list[torch.Size]] = {}

    def tap_shapes(self, height: int, width: int) -> list[torch.Size]:
        """(C, H, W) at each tap of `nce_layers`, for images of this size.

        Raises:
            UserError: for a tap that does not exist, or images too small to reach it.
        """
        if (height, width) not in self._found:
            image = torch.empty(1, self.options.data.input_nc, height, width, device="meta")
            try:
                features = self.generator.encode(image, self.options.loss.taps)
            except RuntimeError:
                raise UserError(
                    f"Images of {width}×{height} pixels are too small for the taps {self.options.loss.nce_layers} of "
                    f"--netG {self.options.networks.netG}: use a larger --crop_size or shallower --nce_layers."
                ) from None
            self._found[height, width] = [feature.shape[1:] for feature in features]
        return self._found[height, width]

    def check_size(self, width: int, height: int) -> list[torch.Size]:
        """Refuse images of a size that the generator, its taps or the discriminator cannot process.

        Returns:
            (C, H, W) at each tap, see `tap_shapes`.

        Raises:
            UserError: one sentence for each network that cannot.
        """
        networks = self.options.networks
        problems = []
        for network, channels, option in (
            (self.generator, self.options.data.input_nc, f"--netG {networks.netG}"),
            (self.discriminator, self.options.data.output_nc, f"--netD {networks.netD}"),
        ):
            try:
                logits = network(torch.empty(1, channels, height, width, device="meta"))
                too_small = 0 in logits.shape
            except (RuntimeError, ValueError):
                too_small = True
            if too_small:
                problems.append(
                    f"Images of {width}×{height} pixels do not fit {option}: use a larger --crop_size or fewer layers."
                )
        if problems:
            raise UserError(*problems)
        return self.tap_shapes(height, width)
