"""Options → networks: the one place where the names of options meet the arguments of constructors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from cut.errors import UserError
from cut.networks.init import initialise
from cut.networks.spectral import normalise_spectrally
from cut.options import Options
from cut.registry import DISCRIMINATORS, GAN_LOSSES, GENERATORS, HEADS, NCE_LOSSES, NCE_SAMPLERS, Entry

if TYPE_CHECKING:
    from torch import nn

    from cut.losses.gan import AdversarialLoss
    from cut.losses.patchnce import PatchNCE
    from cut.networks.interface import Discriminator, Generator
    from cut.networks.samplers import PatchSampler


def build_generator(options: Options, *, backward: bool = False, zero_biases: bool = True) -> Generator:
    """A generator with fresh weights from the global random generator, on the CPU.

    Args:
        options: of the run.
        backward: whether it translates from the target domain to the source domain.
        zero_biases: see `initialise`.
    """
    chosen = options.networks
    source, target = options.data.input_nc, options.data.output_nc
    if backward:
        source, target = target, source
    entry = GENERATORS[chosen.netG]
    _check_norm(entry, "normG", chosen.normG)
    for name in ("checkpoint_blocks", "residual"):
        if getattr(chosen, name) and not entry.accepts(name):
            raise UserError(f"--{name} is for ResNet generators, not --netG {chosen.netG}: leave it out.")
    build = partial(
        GENERATORS.build,
        chosen.netG,
        input_nc=source,
        output_nc=target,
        ngf=chosen.ngf,
        norm=chosen.normG,
        dropout=not chosen.no_dropout,
        antialias=not chosen.no_antialias,
        antialias_up=not chosen.no_antialias_up,
        checkpoint_blocks=chosen.checkpoint_blocks,
        residual=chosen.residual,
        load_size=options.data.load_size,
        crop_size=options.data.crop_size,
        **options.own,
    )
    network = in_memory(build, f"--netG {chosen.netG} with --ngf {chosen.ngf}", options)
    network.image_channels = source
    return cast("Generator", initialise(network, chosen.init_type, chosen.init_gain, zero_biases))


def build_discriminator(
    options: Options, *, of_source: bool = False, of_pairs: bool = False, zero_biases: bool = True
) -> Discriminator:
    """A discriminator with fresh weights, on the CPU.

    Args:
        options: of the run.
        of_source: whether it judges images of the source domain; else of the target domain.
        of_pairs: whether it judges images of both domains, joined along their channels.
        zero_biases: see `initialise`.
    """
    chosen = options.discriminator
    channels = options.data.input_nc if of_source else options.data.output_nc
    if of_pairs:
        channels = options.data.input_nc + options.data.output_nc
    _check_norm(DISCRIMINATORS[chosen.netD], "normD", chosen.normD)
    build = partial(
        DISCRIMINATORS.build,
        chosen.netD,
        input_nc=channels,
        ndf=chosen.ndf,
        n_layers=chosen.n_layers_D,
        norm=chosen.normD,
        antialias=not options.networks.no_antialias,
        load_size=options.data.load_size,
        crop_size=options.data.crop_size,
        **options.own,
    )
    network = in_memory(build, f"--netD {chosen.netD} with --ndf {chosen.ndf}", options)
    network.image_channels = channels
    initialise(network, options.networks.init_type, options.networks.init_gain, zero_biases)
    if chosen.spectral_norm and not normalise_spectrally(network):
        raise UserError(
            f"--spectral_norm is for discriminators of plain convolutions, not --netD {chosen.netD}: leave it "
            "out, or use --netD basic, n_layers or pixel."
        )
    return cast("Discriminator", network)


def _check_norm(entry: Entry, option: str, norm: str) -> None:
    """Refuse a norm that a network would ignore; the default may stay."""
    if norm != "instance" and not entry.accepts("norm"):
        netG = option.replace("norm", "net")
        raise UserError(f"--{netG} {entry.name} has no choice of normalisation: leave out --{option} {norm}.")


def build_head(options: Options, channels: Sequence[int]) -> nn.Module:
    """The head F of a contrastive method for taps of these widths, with fresh weights, on the CPU."""
    chosen = options.method
    build = partial(HEADS.build, chosen.netF, channels=channels, netF_nc=chosen.netF_nc, **options.own)
    network = in_memory(build, f"--netF {chosen.netF} with --netF_nc {chosen.netF_nc}", options)
    return initialise(network, options.networks.init_type, options.networks.init_gain)


def build_gan_loss(options: Options) -> AdversarialLoss:
    """The adversarial loss of `--gan_mode`."""
    return GAN_LOSSES.build(options.discriminator.gan_mode, **options.own)


def build_nce_loss(options: Options) -> PatchNCE:
    """The form of PatchNCE of `--nce_loss`; it may ask for the method's options and its own by name."""
    return NCE_LOSSES.build(options.method.nce_loss, **vars(options.method) | dict(options.own))


def build_sampler(options: Options) -> PatchSampler:
    """The choice of patches of `--nce_sampler`; it may ask for the method's options and its own by name."""
    return NCE_SAMPLERS.build(options.method.nce_sampler, **vars(options.method) | dict(options.own))


def in_memory(build: Callable[[], Any], what: str, options: Options) -> Any:
    """What `build` makes, unless memory cannot hold it; see `build_in_memory`."""
    from cut.memory import build_in_memory  # only now: it needs PyTorch, and --help does not

    return build_in_memory(build, what, options.is_train)
