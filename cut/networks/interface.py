"""What methods expect of a generator and of a discriminator."""

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn


class Generator(nn.Module):
    """Image (B, C_in, H, W) in [−1, 1] → image (B, C_out, H, W).

    Attributes:
        image_channels: C_in; set by what builds the network.
        size_multiple: heights and widths that are multiples of this come back unchanged.
        fewest_multiples: how many of these a side has at least; four are enough for every reflected edge in a network.
        context: pixels around a window of the image on which the translation of the window depends, apart from
            normalisation over the image; large images are translated in tiles that overlap by it.
    """

    image_channels: int = 3
    size_multiple: int = 1
    fewest_multiples: int = 4
    context: int = 128

    def regions(self) -> Sequence[nn.Module]:
        """The parts that `--compile` compiles, each called as a module in every pass."""
        return ()

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


class Discriminator(nn.Module):
    """Image (B, C, H, W) → logits, larger for images that look real; (B, 1, h, w) or (B, 1).

    Attributes:
        image_channels: C; set by what builds the network.
        per_image: an image's logits do not depend on the rest of the batch, so real and fake may share one pass.
    """

    image_channels: int = 3
    per_image: bool = False

    def regions(self) -> Sequence[nn.Module]:
        """The parts that `--compile` compiles, each called as a module in every pass."""
        return (self,)
