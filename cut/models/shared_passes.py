"""Exact savings of CUT's step: passes that are shared, and features that are used twice.

Nothing here changes a number. Where a network treats the images of a pass apart, stacked images give what separate
passes give. And when the images were not mirrored, the pass that translates them has already computed their keys: G has
not changed when PatchNCE needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cut.lazy import torch
from cut.models.image_sizes import input_channels

if TYPE_CHECKING:
    from torch import Tensor

    from cut.networks.interface import ContrastiveGenerator, Discriminator

Features = list["Tensor"]  # one map for each tap


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
    keys: Features | None


def translate_batch(
    generator: ContrastiveGenerator, images: Tensor, size: int, flip: bool, taps: Sequence[int] = ()
) -> Translated:
    """G of [source; target] or of the source alone in one pass, which keeps the keys where it computes them.

    Args:
        generator: G.
        images: (B or 2 B, C, H, W).
        size: B.
        flip: whether the images are mirrored first.
        taps: where keys are wanted; none where nothing compares features.
    """
    keys = None
    if taps and not flip and generator.encoder_is_exact:
        translated, features = generator.forward_with_features(images, taps)
        keys = [feature.detach() for feature in features]
    else:
        translated = generator(images.flip(3) if flip else images)
    fake, identity = translated[:size], translated[size:]
    return Translated(fake, identity if len(identity) else None, keys)


def query_and_key_features(
    generator: ContrastiveGenerator,
    taps: Sequence[int],
    pairs: Sequence[tuple[Tensor, Tensor]],
    known_keys: Features | None,
    flipped: bool,
) -> tuple[list[Features], list[Features]]:
    """Features at the taps of the translations and of the images they came from, a list of maps for each pair.

    Mirrored translations give mirrored features, which are mirrored back, so that positions correspond.

    Args:
        generator: G.
        taps: where the features are.
        pairs: an image and its translation, (B, C, H, W) each.
        known_keys: features of the stacked images, where the translating pass gave them.
        flipped: whether the translations are mirrored.
    """
    if not generator.encoder_is_exact:
        # Batch statistics or dropout tie the images of a pass together: one pass for each set, queries first.
        queries, keys = [], []
        for image, translation in pairs:
            queries.append(_encode(generator, taps, translation, flipped))
            with torch.no_grad():
                keys.append(_encode(generator, taps, image))
        return queries, keys

    stacked_queries = _encode(generator, taps, torch.cat([translation for _, translation in pairs]), flipped)
    if known_keys is None:
        with torch.no_grad():
            known_keys = _encode(generator, taps, torch.cat([image for image, _ in pairs]))
    parts = [slice(i * len(image), (i + 1) * len(image)) for i, (image, _) in enumerate(pairs)]
    return (
        [[feature[part] for feature in stacked_queries] for part in parts],
        [[feature[part] for feature in known_keys] for part in parts],
    )


def discriminate(discriminator: Discriminator, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of both, in one pass where that is exact and no gradient by the real images is wanted."""
    if discriminator.per_image and fake.shape == real.shape and not real.requires_grad:
        logits = discriminator(torch.cat([fake, real]))
        return logits[: len(fake)], logits[len(fake) :]
    return discriminator(fake), discriminator(real)


def _encode(generator: ContrastiveGenerator, taps: Sequence[int], images: Tensor, mirrored: bool = False) -> Features:
    """Features of images of either domain: those of another channel count are brought to the encoder's."""
    features = generator.encode(with_channels(images, input_channels(generator)), taps)
    return [feature.flip(3) for feature in features] if mirrored else features


def with_channels(images: Tensor, channels: int) -> Tensor:
    """(B, C, H, W) with one or three channels as an image of the other count: repeated, or the luma of ITU-R 601."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1)
    return (images * images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
