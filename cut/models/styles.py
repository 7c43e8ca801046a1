"""What methods share that translate an image in many styles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cut.lazy import torch
from cut.options import Options, Rule, at_least, option

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 3  # translations of an image in previews, each in a style of its own


@dataclass(frozen=True)
class StyleOptions:
    """Which of the many translations test.py makes."""

    num_style: int = option(
        1, "translations of every image, each in a style drawn by --seed and the image", phase="test", check=at_least(1)
    )
    style: str | None = option(
        None,
        "an image of the target domain whose style the translations get, instead of one that is drawn; it is scaled "
        "until its short side is load_size",
        phase="test",
    )


def one_style(values: Mapping[str, Any]) -> str | None:
    if values["style"] is None or values["num_style"] == 1:
        return None
    return f"--style gives one style, so there cannot be --num_style {values['num_style']}: leave one of them out."


STYLE_RULES = (Rule(("style", "num_style"), one_style, "test"),)


def translation_count(options: Options) -> int:
    """How many translations of an image test.py makes with these options."""
    return options.method.num_style if isinstance(options.method, StyleOptions) else 1


def style_label(label: str, number: int) -> str:
    """What the translation of a number is called: fake_B, fake_B_2, fake_B_3, …; the first number is 0."""
    return f"{label}_{number + 1}" if number else label


def preview_styles(seed: int, like: Tensor) -> list[Tensor]:
    """Style codes, the same ones in all previews of a run.

    Args:
        like: style codes of a batch, of shape (B, …), whose shape, type and device they get; all images have one style.
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, *like.shape[1:], generator=generator).to(like).expand_as(like) for _ in range(SHOWN)]


def style_pictures(
    images: Mapping[str, Tensor],
    contents: Mapping[str, Tensor],
    styles: Mapping[str, Tensor],
    drawn: Sequence[Tensor],
    decode: Callable[[str, Tensor, Tensor], Tensor],
) -> dict[str, Tensor]:
    """For each domain its images, their reconstructions, translations in drawn styles, and one in the style of the
    other domain's image.

    Args:
        images, contents, styles: of both domains, A and B.
        drawn: styles of either domain.
        decode: makes images of a domain from contents and styles.
    """
    pictures = {}
    for letter, other in ("AB", "BA"):
        pictures[f"real_{letter}"] = images[letter]
        pictures[f"rec_{letter}"] = decode(letter, contents[letter], styles[letter])
        for number, style in enumerate(drawn):
            pictures[style_label(f"fake_{other}", number)] = decode(other, contents[letter], style)
        pictures[f"guided_{other}"] = decode(other, contents[letter], styles[other])
    return pictures
