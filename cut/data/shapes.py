"""Which images are of another size than the others, and sentences that name them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cut.data.resampling import Size
from cut.errors import some

NAMED = 5  # files


def odd_sizes(files: Sequence[Path], sizes: Sequence[Size]) -> str | None:
    """ "1 of 900 images is not 256×256, as most are: A/7.png (300×200)"; None where all are of one size."""
    counts = Counter(sizes)
    if len(counts) <= 1:
        return None
    usual = counts.most_common(1)[0][0]
    odd = [f"{file} ({_text(size)})" for file, size in zip(files, sizes, strict=True) if size != usual]
    verb = "is" if len(odd) == 1 else "are"
    return f"{len(odd):,} of {len(files):,} images {verb} not {_text(usual)}, as most are: {some(odd, NAMED)}"


def odd_pairs(
    sides: tuple[Sequence[Path], Sequence[Path]], sizes: tuple[Sequence[Size], Sequence[Size]], count: int
) -> str | None:
    """The pairs of different sizes among the first `count` samples, where both sides are taken in turn; else None."""
    (sources, targets), (of_sources, of_targets) = sides, sizes
    odd = []
    for index in range(count):
        source, target = index % len(sources), index % len(targets)
        if of_sources[source] != of_targets[target]:
            left, right = _text(of_sources[source]), _text(of_targets[target])
            odd.append(f"{sources[source]} ({left}) with {targets[target]} ({right})")
    return f"{len(odd):,} of {count:,} pairs have two sizes: {some(odd, NAMED)}" if odd else None


def _text(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
