"""What methods expect of a generator and of a discriminator."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cut.networks.picking import vectors_at


class Generator(nn.Module):
    """Image (B, C_in, H, W) in [−1, 1] → image (B, C_out, H, W).

    Attributes:
        image_channels: C_in; set by what builds the network.
        size_multiple: heights and widths that are multiples of this come back unchanged.
        fewest_multiples: how many of these a side has at least; four are enough for every reflected edge in a network.
        context: pixels around a window of the image on which the translation of the window depends, apart from
            normalisation over the image; large images are translated in tiles that overlap by it.
        seed_is_style: whether the seed of `translate_window` chooses one of many translations; then every picture gets
            one of its own.
    """

    image_channels: int = 3
    size_multiple: int = 1
    fewest_multiples: int = 4
    context: int = 128
    seed_is_style: bool = False

    @property
    def parts(self) -> Sequence[nn.Module]:
        """The networks with weight files of their own that it consists of, in the order of `Method.translators`."""
        return (self,)

    def regions(self) -> Sequence[nn.Module]:
        """The parts that `--compile` compiles, each called as a module in every pass."""
        return ()

    @property
    def noise_strides(self) -> Sequence[int]:
        """For a generator that takes maps of noise as a second argument: pixels of the image per value of each map, in
        the order of the maps."""
        return ()

    def noise_at(self, x: Tensor, seed: int, corners: Sequence[tuple[int, int]] | None = None) -> list[Tensor]:
        """The maps of noise for windows x of pictures at their corners; see `translate_window`."""
        return []

    def translate_window(self, image: Tensor, seed: int, corner: tuple[int, int] = (0, 0)) -> Tensor:
        """`self(image)` for one window of a larger picture.

        A generator that adds noise overrides this with noise that depends on `seed` and the place in the picture alone,
        so that neighbouring windows agree where they overlap.

        Args:
            image: (1, C_in, h, w) in [−1, 1], the window.
            corner: its (top, left) in the picture, in pixels, multiples of `size_multiple`.
        """
        return self(image)


class ContrastiveGenerator(Generator):
    """A generator with feature taps along its encoder, for methods that compare features.

    A tap is a place in the encoder, numbered from 0 at the image, whose features PatchNCE compares (CUT, section 3.2).

    Attributes:
        encoder_is_exact: the features of an image depend on that image and the weights alone: no batch statistics, no
            random draw. Then one pass over stacked images equals separate passes, and features may be kept and reused.
    """

    encoder_is_exact: bool = False

    @abstractmethod
    def encode(self, image: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Features (B, C_l, H_l, W_l) at the taps `layers`, in that order, computing no further than the last of them.

        Raises:
            UserError: for a tap that does not exist, by its number.
        """

    @abstractmethod
    def forward_with_features(self, image: Tensor, layers: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """`(self(image), self.encode(image, layers))` in one pass."""

    def encode_at(self, image: Tensor, layers: Sequence[int], positions: Sequence[Tensor]) -> list[Tensor]:
        """Vectors (B, P_l, C_l) of `encode` at positions (B, P_l), row-major, of each tap."""
        return list(map(vectors_at, self.encode(image, layers), positions))

    def forward_with_vectors(
        self, image: Tensor, layers: Sequence[int], positions: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """`(self(image), self.encode_at(image, layers, positions))` in one pass."""
        translated, features = self.forward_with_features(image, layers)
        return translated, list(map(vectors_at, features, positions))


class StyledGenerator(Generator):
    """A generator with many translations of an image, one for each style, which is a short code.

    Args:
        style_dim: numbers in a style code, which is N(0, 1).
        translations: how many it makes of an image; they follow each other along the channels of its result.

    Attributes:
        guide: (1, C_out, h, w) in [−1, 1], an image of the target domain whose style is used; None: styles are drawn.
    """

    seed_is_style = True
    guide: Tensor | None

    def __init__(self, style_dim: int, translations: int = 1) -> None:
        super().__init__()
        self.style_dim, self.translations = style_dim, translations
        self.register_buffer("guide", None, persistent=False)

    @abstractmethod
    def encode_style(self, image: Tensor) -> Tensor:
        """The style codes (B, style_dim) of images of the target domain."""

    @abstractmethod
    def translate(self, image: Tensor, styles: Tensor) -> list[Tensor]:
        """The translations (B, C_out, H, W) of images in each of the styles (N, style_dim)."""

    def styles(self, seed: int) -> Tensor:
        """(translations, style_dim) on the CPU; the first ones of a seed do not depend on how many there are."""
        generator = torch.Generator().manual_seed(seed)
        return torch.stack([torch.randn(self.style_dim, generator=generator) for _ in range(self.translations)])

    def forward(self, image: Tensor) -> Tensor:
        """(B, translations · C_out, H, W) in the styles of the seed 0, or of the guide."""
        return self.translate_window(image, 0)

    def translate_window(self, image: Tensor, seed: int, corner: tuple[int, int] = (0, 0)) -> Tensor:
        styles = self.styles(seed).to(image) if self.guide is None else self.encode_style(self.guide)
        return torch.cat(self.translate(image, styles), 1)


class Discriminator(nn.Module):
    """Image (B, C, H, W) → logits, larger for images that look real; (B, 1, h, w) or (B, 1), or a list of these.

    Attributes:
        image_channels: C; set by what builds the network.
        per_image: an image's logits do not depend on the rest of the batch, so real and fake may share one pass.
    """

    image_channels: int = 3
    per_image: bool = False

    def regions(self) -> Sequence[nn.Module]:
        """The parts that `--compile` compiles, each called as a module in every pass."""
        return (self,)
