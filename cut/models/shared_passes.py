"""Exact savings in CUT's step: shared passes, and features that are computed once and used twice.

Nothing here changes a result. Where a network processes the images of a batch independently, one pass over stacked
images gives what separate passes give. When the images were not mirrored, the pass that translates them has already
computed their keys: G does not change until PatchNCE needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cut.errors import UserError
from cut.lazy import torch
from cut.precision import full

if TYPE_CHECKING:
    from torch import Tensor

    from cut.data.batch import Batch
    from cut.networks.interface import ContrastiveGenerator, Generator

Features = list["Tensor"]  # one map for each tap, or vectors of it
Places = Sequence[list["Tensor"]]  # of each pair of images and translations, positions (B, P) at each tap


@dataclass(frozen=True)
class Translated:
    """What the generator made of a batch.

    Attributes:
        fake: (B, C, H, W) G(source), mirrored when the step flips.
        identity: G(target), or None where nothing needs it.
        keys: the encoder's features of [source; target], or of the source alone, at the taps, where the same pass gives
            them exactly; with a graph only where the vectors of the translations depend on them. Where it is known
            which vectors will be compared, these instead of maps.
    """

    fake: Tensor
    identity: Tensor | None
    keys: Features | None


def stacked_sides(batch: Batch) -> Tensor:
    """[source; target], (2 B, C, H, W).

    Raises:
        UserError: when the images of both sides differ in shape.
    """
    source, target = batch.sides
    if source.shape[1:] != target.shape[1:]:
        shapes = ["×".join(map(str, side.shape[1:])) for side in batch.sides]
        raise UserError(
            f"With an identity loss the images of both sides must have one shape, but the source is {shapes[0]} and "
            f"the target {shapes[1]}: let --preprocess crop them to one size, or use --nce_idt false."
        )
    return torch.cat([source, target])


def translate_batch(
    generator: ContrastiveGenerator,
    images: Tensor,
    size: int,
    flip: bool,
    taps: Sequence[int] = (),
    keys_with_graph: bool = False,
    places: Places = (),
) -> Translated:
    """G of [source; target] or of the source alone in one pass, and the keys if that pass computes them.

    Args:
        generator: G.
        images: (B or 2 B, C, H, W).
        size: B.
        flip: whether the images are mirrored first.
        taps: where keys are wanted; none where nothing compares features.
        keys_with_graph: whether keys keep their graph.
        places: of the keys, where only their vectors are wanted; of the source, or of both sides.
    """
    keys = None
    if taps and not flip and generator.encoder_is_exact:
        if places:
            # Keys of a target that nothing is compared with cost next to nothing.
            sides = [*places, *places][: len(images) // size]
            translated, features = generator.forward_with_vectors(images, taps, _stacked(sides))
        else:
            translated, features = generator.forward_with_features(images, taps)
        keys = features if keys_with_graph else [feature.detach() for feature in features]
    else:
        translated = generator(images.flip(3) if flip else images)
    # The derivative of split, unlike that of a slice, keeps the layout in memory.
    fake, *identity = full(translated).split(size)
    return Translated(fake, identity[0] if identity else None, keys)


def translate_sides(
    generator: ContrastiveGenerator, source: Tensor, target: Tensor | None, taps: Sequence[int] = ()
) -> Translated:
    """G(source) and, where there is a target, G(target), as separate passes give them, and the source's keys with their
    graph if its pass computes them.

    Args:
        generator: G.
        source, target: (B, C, H, W).
        taps: where keys are wanted; none where nothing compares features.
    """
    exact, size = generator.encoder_is_exact, len(source)
    images, apart = source, target
    if exact and target is not None and target.shape == source.shape and saves_time(source.device):
        images, apart = torch.cat([source, target]), None
    keys = None
    if exact and taps:
        translated, features = generator.forward_with_features(images, taps)
        keys = [feature.split(size)[0] for feature in features]
    else:
        translated = generator(images)
    fake, *identity = full(translated).split(size)
    if apart is not None:
        identity = [full(generator(apart))]
    return Translated(fake, identity[0] if identity else None, keys)


def saves_time(device: torch.device) -> bool:
    """Whether one pass over two images is faster than two passes.

    On a CPU it is not at the published size, and two passes round as the published ones do.
    """
    return device.type != "cpu"


def query_and_key_features(
    encode: Callable[..., Features],
    exact: bool,
    pairs: Sequence[tuple[Tensor, Tensor]],
    known_keys: Features | None,
    flipped: bool,
    keys_with_graph: bool = False,
    places: Places = (),
    widths: Sequence[int] = (),
) -> tuple[list[Features], list[Features]]:
    """Features at the taps of the translations and of the images they came from, a list of maps for each pair.

    Mirrored translations give mirrored features, which are mirrored back, so that positions correspond.

    Args:
        encode: G's features of (B, C, H, W) images at the taps; given positions (B, P) for each tap, the vectors there.
        exact: whether stacked images give what separate passes give (`ContrastiveGenerator.encoder_is_exact`).
        pairs: an image and its translation, (B, C, H, W) each.
        known_keys: features of the stacked images, where the translating pass gave them.
        flipped: whether the translations are mirrored.
        keys_with_graph: whether keys have a graph.
        places: where only vectors are wanted, see `PatchContrast.places`.
        widths: of the map at each tap.
    """

    def mirror(features: Features) -> Features:
        return [feature.flip(3) for feature in features] if flipped else features

    if not exact:
        # Batch statistics or dropout make the images of a pass interdependent: one pass for each set, queries first.
        queries, keys = [], []
        for image, translation in pairs:
            queries.append(mirror(encode(translation)))
            with torch.set_grad_enabled(keys_with_graph):
                keys.append(encode(image))
        return queries, keys

    at = _stacked(places)
    translations = torch.cat([translation for _, translation in pairs])
    # Vectors are taken where they are in the mirrored maps; maps are mirrored back.
    stacked_queries = encode(translations, _mirrored(at, widths)) if at and flipped else encode(translations, at)
    if not at:
        stacked_queries = mirror(stacked_queries)
    if known_keys is None:
        with torch.set_grad_enabled(keys_with_graph):
            known_keys = encode(torch.cat([image for image, _ in pairs]), at)
    sizes = [len(image) for image, _ in pairs]
    return _by_pair(stacked_queries, sizes), _by_pair([keys[: sum(sizes)] for keys in known_keys], sizes)


def _stacked(places: Places) -> list[Tensor]:
    """The positions at each tap of stacked images; none where maps are wanted."""
    return [torch.cat(positions) for positions in zip(*places, strict=True)]


def _mirrored(positions: Sequence[Tensor], widths: Sequence[int]) -> list[Tensor]:
    """Positions in the mirrored maps."""
    return [at + (width - 1) - 2 * (at % width) for at, width in zip(positions, widths, strict=True)]


def _by_pair(stacked: Features, sizes: list[int]) -> list[Features]:
    return [list(features) for features in zip(*(feature.split(sizes) for feature in stacked), strict=True)]


def share_a_pass(generators: Sequence[Generator], images: Sequence[Tensor]) -> bool:
    """Whether one pass over all of the images gives what separate passes give: of generators without batch statistics
    and random draws, for images of one shape."""
    from cut.networks.interface import ContrastiveGenerator

    exact = all(isinstance(one, ContrastiveGenerator) and one.encoder_is_exact for one in generators)
    return exact and len({image.shape for image in images}) == 1


def translate_all(generator: Generator, images: Sequence[Tensor]) -> list[Tensor]:
    """G of each, in one pass where that is exact.

    Args:
        generator: G.
        images: (B, C, H, W) each.
    """
    if len(images) == 1 or not share_a_pass((generator,), images):
        return [full(generator(image)) for image in images]
    return list(full(generator(torch.cat(list(images)))).split(len(images[0])))


def with_channels(images: Tensor, channels: int) -> Tensor:
    """(B, C, H, W) as an image of another count of channels: grey, repeated. Grey is the luma of ITU-R 601 of three
    channels, and the mean of any other count."""
    if images.shape[1] == channels:
        return images
    if images.shape[1] == 3:
        grey = (images * images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    else:
        grey = images.mean(1, keepdim=True)
    return grey.expand(-1, channels, -1, -1)
