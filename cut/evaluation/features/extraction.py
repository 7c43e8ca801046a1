"""Images → features of a pretrained network: what the Fréchet and kernel distances compare."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cut.data.files import EXTENSIONS, find_images
from cut.data.images import read_stored
from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.feature_cache import cached_features, content_hash
from cut.evaluation.features.feature_set import FeatureSet, describe_sizes
from cut.registry import EXTRACTORS

Picture = np.ndarray | Image.Image
SMALLEST_SINGLE = 16  # pixels of a side


def load_extractor(
    name: str,
    device: torch.device | str = "cpu",
    inception_weights: str | None = None,
    dinov2_weights: str | None = None,
    clip_weights: str | None = None,
) -> Extractor:
    """An extractor by its registered name, on a device. Leaves PyTorch's random numbers as they were.

    Args:
        name: "inception", "efficientnet_lite0", ….
        inception_weights: file of pytorch-fid's Inception weights; None: from torch's cache, downloaded at first use.
        dinov2_weights: file of DINOv2's weights, which "dinov2" needs.
        clip_weights: file of CLIP's weights, which "clip" needs.

    Raises:
        UserError: when the weights are missing or damaged; the message names the file and its hash.
    """
    with torch.random.fork_rng(devices=[]):  # constructing a network draws initial weights
        files = {"weights": inception_weights, "dinov2_weights": dinov2_weights, "clip_weights": clip_weights}
        return EXTRACTORS.build(name, **files).to(device)


class ChosenExtractor(Protocol):
    """What says which extractor is wanted: `EvaluationOptions`, or the words of a script."""

    @property
    def feature_extractor(self) -> str: ...
    @property
    def inception_weights(self) -> str | None: ...
    @property
    def dinov2_weights(self) -> str | None: ...
    @property
    def clip_weights(self) -> str | None: ...


def chosen_extractor(chosen: ChosenExtractor, device: torch.device | str = "cpu") -> Extractor:
    """`load_extractor` with the name and the files that were chosen."""
    files = (chosen.inception_weights, chosen.dinov2_weights, chosen.clip_weights)
    return load_extractor(chosen.feature_extractor, device, *files)


def image_features(extractor: Extractor, images: Iterable[Picture], batch_size: int | None = None) -> np.ndarray:
    """The features of images, in order.

    Each image is resized on its own, so sizes can be mixed and the size of the batches is irrelevant.

    Args:
        images: uint8 (H, W, 3) or (H, W), or Pillow images.
        batch_size: images that pass through the network together; None: as many as is fast.

    Returns:
        (N, extractor.size) float32.
    """
    device = next((weight.device for weight in extractor.parameters()), torch.device("cpu"))
    if batch_size is None:
        batch_size = 32 if device.type == "cuda" else 4  # EfficientNet's maps of more images do not fit a CPU's caches
    parts = [np.empty((0, extractor.size), np.float32)]
    with torch.inference_mode():
        for batch in _batches((extractor.prepare(_tensor(image).to(device)) for image in images), batch_size):
            parts.append(extractor.describe(batch).float().cpu().numpy())
    return np.concatenate(parts)


def image_set(
    extractor: Extractor, images: Iterable[Picture], batch_size: int | None = None, content: str = ""
) -> FeatureSet:
    """The same as `image_features`, with what else is worth knowing of the images."""
    sizes: list[tuple[int, int]] = []

    def noted() -> Iterator[Picture]:
        for image in images:
            sizes.append(image.size if isinstance(image, Image.Image) else (image.shape[1], image.shape[0]))
            yield image

    features = image_features(extractor, noted(), batch_size)
    return FeatureSet(extractor.title, features, describe_sizes(sizes), content)


def local_set(extractor: Extractor, image: Picture) -> FeatureSet:
    """The features at every place of one picture, at its own size: the distribution that SIFID compares.

    Raises:
        UserError: when the extractor has no such features, or the picture is too small for them.
    """
    device = next((weight.device for weight in extractor.parameters()), torch.device("cpu"))
    pixels = _tensor(image).to(device)  # (1, 3, H, W)
    height, width = pixels.shape[2:]
    if min(height, width) < SMALLEST_SINGLE:
        raise UserError(f"A picture of {width}×{height} is too small for SIFID: use one of {SMALLEST_SINGLE} pixels.")
    with torch.inference_mode():
        maps = extractor.local(pixels)  # (1, C, h, w)
    features = maps[0].flatten(1).T.float().cpu().numpy()  # (h·w, C)
    return FeatureSet(extractor.title, features, describe_sizes([(width, height)]))


def folder_features(
    extractor: Extractor, folder: Path, limit: float = math.inf, batch_size: int | None = None, keep: bool = True
) -> FeatureSet:
    """The features of the images in a folder and its sub-folders, each at the size and as it is stored.

    Args:
        folder: searched as for data sets; or an .npz of its statistics, as `FeatureSet.save` and pytorch-fid write it.
        limit: take the first N images.
        batch_size: as for `image_features`.
        keep: keep them in the user's cache, by the files' content, for the next time.

    Raises:
        UserError: when there are fewer than two images, or a file cannot be read.
    """
    folder = Path(folder)
    if folder.suffix == ".npz" and not folder.is_dir():
        return FeatureSet.load(folder)
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    files = find_images(folder, limit, EXTENSIONS)
    if len(files) < 2:
        found = f"only one image, {files[0].name}" if files else "no images"
        raise UserError(f"{folder} holds {found}: a distance between sets needs at least two on each side.")
    if not keep:
        return image_set(extractor, map(read_stored, files), batch_size, content=content_hash(files))
    return cached_features(extractor, files, lambda: image_set(extractor, map(read_stored, files), batch_size))


def _tensor(image: Picture) -> Tensor:
    """A picture with values in 0 … 255 as (1, 3, H, W) in [0, 1]."""
    if isinstance(image, Image.Image) and image.mode not in ("L", "RGB", "F"):
        image = image.convert("RGB")
    values = torch.from_numpy(np.array(image))  # (H, W) or (H, W, 3)
    pixels = values[None] if values.ndim == 2 else values.permute(2, 0, 1)  # (C, H, W)
    return pixels.float().div(255).expand(3, -1, -1)[None]


def _batches(prepared: Iterable[Tensor], batch_size: int) -> Iterator[Tensor]:
    """(1, C, S, S) … → (B, C, S, S) …; the last batch has what is left."""
    waiting: list[Tensor] = []
    for one in prepared:
        waiting.append(one)
        if len(waiting) == batch_size:
            yield torch.cat(waiting)
            waiting = []
    if waiting:
        yield torch.cat(waiting)
