"""What network a file of weights is of: those of the registries are tried, without their weights, until one fits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from cut.errors import UserError
from cut.networks.weights import fits
from cut.registry import DISCRIMINATORS, GENERATORS, REGISTRIES, Registry

_SIDES = (256, 128, 64, 512, 32, 1024)  # crops that StyleGAN2's widths are made for; the usual one first
_USUAL = (64, 10)  # widths of the published StyleGAN2 networks


@dataclass(frozen=True)
class Identity:
    """A network that weights fit.

    Attributes:
        kind: "generator", "discriminator", "patch projection head" or "autoencoder".
        options: those that build it, by name; several values of --normG may fit as well.
        channels: of the images that go in, and that come out of a generator.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    channels: tuple[int, ...] = ()


def identify(weights: Mapping[str, Tensor]) -> Identity | None:
    """The network that these weights are of, by their names and shapes; None when no network here is like that.

    Args:
        weights: as from `read_weights`.
    """
    if any(name.startswith("enc_content.") for name in weights):
        return _auto_encoder(weights)
    if any(name.startswith("mlp_0.") for name in weights):
        (width,) = {len(weights[name]) for name in weights if name == "mlp_0.0.weight"} or {0}
        return Identity("patch projection head", {"netF": "mlp_sample", "netF_nc": width})
    images = [tensor for tensor in weights.values() if tensor.dim() == 4]
    if not images:
        return None
    first, last = images[0], images[-1]
    for make in (_generators, _discriminators):
        for name, registry, arguments, identity in make(weights, first, last):
            if _fits(name, registry, arguments, weights):
                return identity
    return None


def _generators(weights: Mapping[str, Tensor], first: Tensor, last: Tensor) -> Iterator[tuple]:
    """Every generator that these weights might be of, the usual ones first."""
    source = first.shape[1]
    targets = dict.fromkeys([*(side for side in last.shape[:2] if side <= 4), 3])
    for name, norm, target in product(GENERATORS.names(), _norms(weights), targets):
        accepted = GENERATORS[name].accepts
        if not accepted("norm") and norm != _norms(weights)[0]:
            continue
        common = {"input_nc": source, "output_nc": target}
        if accepted("crop_size"):
            for (width, side), downs in product(_widths(first.shape[0], 512), (1, 2, 3)):
                sizes = {"ngf": width, "load_size": side, "crop_size": side, "stylegan2_G_num_downsampling": downs}
                shown = {"netG": name, **sizes} if downs > 1 else {"netG": name, "ngf": width, "load_size": side,
                                                                   "crop_size": side}  # fmt: skip
                yield name, GENERATORS, {**common, **sizes}, Identity("generator", shown, (source, target))
            continue
        flags = [flag for flag in ("dropout", "antialias", "antialias_up") if accepted(flag)]
        for values in product((False, True), repeat=len(flags)):
            chosen = dict(zip(flags, values, strict=True))
            shown = {"netG": name, "ngf": first.shape[0], "normG": norm, "no_dropout": not chosen.get("dropout", False)}
            shown |= {f"no_{flag}": not value for flag, value in chosen.items() if flag != "dropout"}
            identity = Identity("generator", shown, (source, target))
            yield name, GENERATORS, {**common, "ngf": first.shape[0], "norm": norm, **chosen}, identity


def _discriminators(weights: Mapping[str, Tensor], first: Tensor, last: Tensor) -> Iterator[tuple]:
    channels = first.shape[1]
    for name, norm, layers, antialias in product(("basic", "pixel", "n_layers"), _norms(weights), (3, 2, 1, 4, 5, 6),
                                                 (True, False)):  # fmt: skip
        arguments = {"input_nc": channels, "ndf": first.shape[0], "n_layers": layers, "norm": norm,
                     "antialias": antialias}  # fmt: skip
        shown = {"netD": name, "ndf": first.shape[0], "normD": norm}
        shown |= {"n_layers_D": layers} if name == "n_layers" else {}
        yield name, DISCRIMINATORS, arguments, Identity("discriminator", shown, (channels,))
    for name, (width, side) in product(("stylegan2",), _widths(first.shape[0], 256)):  # of crops, or of tiles
        sizes = {"ndf": width, "load_size": side, "crop_size": side}
        arguments = {"input_nc": channels, **sizes}
        yield name, DISCRIMINATORS, arguments, Identity("discriminator", {"netD": name, **sizes}, (channels,))


def _widths(channels: int, unit: int) -> list[tuple[int, int]]:
    """The --ngf (unit 512) or --ndf (256) and the size for which StyleGAN2's first layer has so many channels."""
    found = [(channels * side / unit, side) for side in _SIDES]
    return sorted(((int(width), side) for width, side in found if width >= 1 and width.is_integer()),
                  key=lambda pair: pair[0] not in _USUAL)  # fmt: skip


def _auto_encoder(weights: Mapping[str, Tensor]) -> Identity | None:
    """One of MUNIT's two generators."""
    first, mlp = weights.get("enc_content.model.0.conv.weight"), weights.get("mlp.model.0.fc.weight")
    if first is None or mlp is None:
        return None
    options = {"dim": first.shape[0], "style_dim": mlp.shape[1], "mlp_dim": mlp.shape[0]}
    return Identity("autoencoder", options, (first.shape[1],) * 2)


def _norms(weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The norms that a network with these weights may have."""
    if any(name.endswith("running_mean") for name in weights):
        return "batch", "instance"  # old files hold statistics of instance norms too
    affine = sum(tensor.dim() == 1 and name.endswith(".weight") for name, tensor in weights.items())
    return ("affine_instance",) if affine > 1 else ("instance", "none")


def _fits(name: str, registry: Registry, arguments: Mapping[str, Any], weights: Mapping[str, Tensor]) -> bool:
    """Whether a network has exactly these names and shapes."""
    return _tops(weights) == _tops_of(name, registry.kind) and fits(_shadow(name, registry, arguments), weights)


def _shadow(name: str, registry: Registry, arguments: Mapping[str, Any]) -> nn.Module:
    """A network without memory; an empty one where the arguments make none."""
    try:
        with torch.device("meta"):
            return registry.build(name, **arguments)
    except UserError:
        return nn.Module()


@cache
def _tops_of(name: str, kind: str) -> set[str]:
    registry = next(one for one in REGISTRIES if one.kind == kind)
    sizes = {"load_size": 256, "crop_size": 256, "D_patch_size": 64}
    return _tops(_shadow(name, registry, {"input_nc": 3, "output_nc": 3, "ngf": 64, "ndf": 64, **sizes}).state_dict())


def _tops(weights: Mapping[str, Tensor]) -> set[str]:
    """What the names begin with; a cheap test before others."""
    return {name.split(".")[0] for name in weights}
