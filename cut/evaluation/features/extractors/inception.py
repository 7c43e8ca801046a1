"""Inception v3 with the weights of the original FID: features that make a Fréchet distance an FID."""

import socket
from http.client import HTTPException
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.extractor_weights import loading, read_extractor_weights
from cut.registry import EXTRACTORS

NAME = "pt_inception-2015-12-05-6726825d.pth"
_PUBLISHED = "6726825d"  # how the hash of the published file begins
_SILENCE = 20.0  # seconds without a byte after which a download is given up
_SIDE = 299  # pixels


class Inception(Extractor):
    """pytorch-fid's network: 2,048 features of the last average pooling, from pictures resized to 299×299."""

    network: Any  # the package has no types

    def prepare(self, images: Tensor) -> Tensor:
        # As pytorch-fid does it: no antialiasing, although the literature has since shown that it matters.
        return F.interpolate(images, (_SIDE, _SIDE), mode="bilinear", align_corners=False)

    def describe(self, prepared: Tensor) -> Tensor:
        return self.network(prepared)[0].flatten(1)  # (B, 2048, 1, 1) → (B, 2048)

    def local(self, images: Tensor) -> Tensor:
        """64 features at every second pixel: what the first pooling gets, as SinGAN's program takes them."""
        return self.network.blocks[0][:3](2 * images - 1)


class CleanInception(Inception):
    """clean-fid's features (Parmar et al., CVPR 2022): resized with an antialiased filter, in floating point."""

    def prepare(self, images: Tensor) -> Tensor:
        planes = images.cpu().double().mul(255).float().flatten(0, 1)  # (B·3, H, W) in 0 … 255
        resized = [Image.fromarray(plane.numpy()).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC) for plane in planes]
        values = torch.from_numpy(np.stack([np.asarray(plane) for plane in resized])).clamp(0, 255)
        return values.view(-1, 3, _SIDE, _SIDE).sub(128).div(128).to(images.device)


@EXTRACTORS.register("inception")
def inception(weights: str | None = None) -> Extractor:
    """pytorch-fid's network with its own weights, or those in a file.

    Args:
        weights: file of pytorch-fid's weights; None: from torch's cache, downloaded there at first use.

    Raises:
        UserError: when the weights cannot be downloaded, or the file is damaged or of another network.
    """
    network, digest = _published_network(weights)
    return Inception("Inception", 2048, f"pytorch-fid Inception {digest}, bilinear to {_SIDE}", network)


@EXTRACTORS.register("inception_clean")
def inception_clean(weights: str | None = None) -> Extractor:
    """The same network and weights as `inception`, with clean-fid's resizing and normalisation.

    Args, Raises: as `inception`.
    """
    network, digest = _published_network(weights)
    network.normalize_input = False  # `prepare` did it, as (x − 128)/128
    identity = f"clean-fid Inception {digest}, Pillow bicubic to {_SIDE}, (x − 128)/128"
    return CleanInception("Inception (clean)", 2048, identity, network)


def _published_network(weights: str | None) -> tuple[Any, str]:
    """pytorch-fid's network, and the hash of the file of its weights."""
    try:  # here, because they take seconds to import, and only measuring needs them
        from pytorch_fid import inception as published
    except ImportError as error:
        raise UserError(f"The extractor inception needs pytorch-fid ({error}): pip install pytorch-fid") from None
    file = Path(weights) if weights else _downloaded(published.FID_WEIGHTS_URL)
    advice = f"get {NAME}, whose SHA-256 begins with {_PUBLISHED}" if weights else "delete it to download it again"
    state, digest = read_extractor_weights(file, advice)
    if not digest.startswith(_PUBLISHED):
        print(
            f"{file} (SHA-256 {digest[:8]}…) holds other Inception weights than published FIDs are measured with "
            f"({_PUBLISHED}…), or is damaged: compare these numbers only with one another."
        )
    # pytorch-fid makes its network only together with a download; it is handed these weights instead.
    with mock.patch.object(published, "load_state_dict_from_url", return_value=state), loading(file, digest, advice):
        network = published.InceptionV3([3], resize_input=False)
    return network, digest


def _downloaded(address: str) -> Path:
    """The published weights in torch's cache, where pytorch-fid looks for them too; fetched if they are not there."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / NAME
    if file.is_file():
        return file
    patience = socket.getdefaulttimeout()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        socket.setdefaulttimeout(_SILENCE)  # torch.hub waits forever on a network that drops all packets
        torch.hub.download_url_to_file(address, str(file), hash_prefix=_PUBLISHED)
    except (OSError, HTTPException, RuntimeError, ValueError) as error:  # no network, silence, full disk, wrong hash
        raise UserError(
            f"The Inception weights could not be downloaded ({_reason(error)}): put {NAME} into {file.parent}, or give "
            "the file with --inception_weights, or use --feature_extractor efficientnet_lite0, which needs no download."
        ) from None
    finally:
        socket.setdefaulttimeout(patience)
    return file


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error).strip() or type(error).__name__
