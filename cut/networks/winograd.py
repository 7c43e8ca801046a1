"""3×3 convolutions with 4 products where the direct sum has 9: minimal filtering F(2×2, 3×3) in float32.

S. Winograd (1980), for networks: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016).
Every 2×2 outputs come from a tile of 4×4 inputs, which overlaps its neighbours by two. With Bᵀ, G and Aᵀ of the paper

    outputs = Aᵀ [(G filter Gᵀ) · (Bᵀ tile B)] A,

where · multiplies 16 pairs of numbers, which are summed over the input channels: 16 products of matrices. The factors
in Bᵀ and Aᵀ are 0 and ±1, those in G 0, ±½ and 1, so rounding is like that of the direct sum, which has more terms.
Derivatives go back the same way, with the matrices transposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn import grad as direct

TILES = 512  # at once, about: what is made of them fits into a processor's cache

# Bᵀ: each of 4 numbers is one of the 4 inputs plus or minus another one (first, second, sign).
BT = ((0, 2, -1), (1, 2, 1), (2, 1, -1), (1, 3, -1))


def convolve(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """A 3×3 convolution of stride 1, without a bias. It can be differentiated, also twice.

    Args:
        x: (B, C, H, W), contiguous; H and W even.
        weight: (K, C, 3, 3).
        padding: zeros on each side.

    Returns:
        (B, K, H + 2 padding − 2, W + 2 padding − 2).
    """
    return _Convolution.apply(x, weight, padding)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        less = 2 - 2 * padding
        y = x.new_empty(len(x), len(weight), x.shape[2] - less, x.shape[3] - less)  # before what is freed at the end
        x, filters = _pad(x, padding), _transform_filters(weight)
        work = _Work(x, y)
        for image, made in zip(x, y, strict=True):
            for rows, tiles, products in work.strips():
                work.transform_images(image[:, _around(rows)], tiles)
                torch.bmm(filters, tiles.flatten(2), out=products.flatten(2))
                _sum_outputs(products, made[:, rows])
        return y

    @staticmethod
    def backward(ctx, of_y: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # to be differentiated once more
            of_x = direct.conv2d_input(x.shape, weight, of_y, padding=ctx.padding) if wanted[0] else None
            of_weight = direct.conv2d_weight(x, weight.shape, of_y, padding=ctx.padding) if wanted[1] else None
            return of_x, of_weight, None
        return *_derivatives(x, weight, of_y, ctx.padding, *wanted), None


def _derivatives(
    x: Tensor, weight: Tensor, of_y: Tensor, padding: int, for_x: bool, for_weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    """What comes back to x and to the weights."""
    of_x, x = torch.zeros_like(x), _pad(x, padding)  # what is kept before what is freed at the end
    of_padded = torch.zeros_like(x) if padding else of_x
    filters, of_filters = _transform_filters(weight).transpose(1, 2), x.new_zeros(16, *weight.shape[:2])
    work = _Work(x, of_y)
    for image, of_image, of_outputs in zip(x, of_padded, of_y, strict=True):
        for rows, tiles, products in work.strips():
            work.transform_outputs(of_outputs[:, rows], products)
            if for_weight:
                work.transform_images(image[:, _around(rows)], tiles)
                of_filters.baddbmm_(products.flatten(2), tiles.flatten(2).transpose(1, 2))
            if for_x:
                torch.bmm(filters, products.flatten(2), out=tiles.flatten(2))
                work.add_images(tiles, of_image[:, _around(rows)])
    if padding:
        of_x.copy_(_pad(of_padded, -padding))
    of_weight = (of_filters.flatten(1).t() @ _to_filters(weight)).view_as(weight)
    return of_x if for_x else None, of_weight if for_weight else None


def _pad(x: Tensor, padding: int) -> Tensor:
    return F.pad(x, [padding] * 4) if padding else x


def _around(rows: slice) -> slice:
    """The rows of the padded image that a strip of outputs comes from."""
    return slice(rows.start, rows.stop + 2)


def _to_filters(weight: Tensor) -> Tensor:
    """G ⊗ G: (16, 9)."""
    g = weight.new_tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    return torch.kron(g, g)


def _transform_filters(weight: Tensor) -> Tensor:
    """G filter Gᵀ: (16, K, C) from (K, C, 3, 3)."""
    return (_to_filters(weight) @ weight.reshape(-1, 9).t()).view(16, *weight.shape[:2])


class _Work:
    """Strips of an image, and the memory to work on one.

    Args:
        x: (B, C, H + 2, W + 2).
        y: (B, K, H, W).
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.height, self.columns = y.shape[2] // 2, y.shape[3] // 2  # in tiles
        self.rows = min(self.height, max(1, TILES // self.columns))
        self.channels = x.shape[1], y.shape[1]
        self.tiles, self.products = (x.new_empty(16 * each * self.rows * self.columns) for each in self.channels)
        self.scratch = [x.new_empty(max(self.channels) * 2 * (self.rows + 1) * (self.columns + 1)) for _ in range(3)]

    def strips(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """The rows of outputs of each strip, and memory for (16, C, rows, columns) and (16, K, rows, columns)."""
        for top in range(0, self.height, self.rows):
            rows = min(self.rows, self.height - top)
            tiles, products = (
                _start(memory, (16, channels, rows, self.columns))
                for memory, channels in zip((self.tiles, self.products), self.channels, strict=True)
            )
            yield slice(2 * top, 2 * (top + rows)), tiles, products

    def transform_images(self, x: Tensor, tiles: Tensor) -> None:
        """Bᵀ tile B of a strip (C, 2 rows + 2, 2 columns + 2) into (16, C, rows, columns)."""
        columns = _columns_of_tiles(*self._split(x))
        one = _start(self.scratch[2], columns[0].shape)
        rows = _rows_of_tiles(one)
        for j, (first, second, sign) in enumerate(BT):
            torch.add(columns[first], columns[second], alpha=sign, out=one)
            for i, (upper, lower, row_sign) in enumerate(BT):
                torch.add(rows[upper], rows[lower], alpha=row_sign, out=tiles[4 * i + j])

    def add_images(self, tiles: Tensor, x: Tensor) -> None:
        """Add B tile Bᵀ to a strip (C, 2 rows + 2, 2 columns + 2), where tiles overlap."""
        shape = (*x.shape[:2], x.shape[2] // 2)
        even, odd = _start(self.scratch[0], shape).zero_(), _start(self.scratch[1], shape).zero_()
        columns = _columns_of_tiles(even, odd)
        one = _start(self.scratch[2], columns[0].shape)
        rows = _rows_of_tiles(one)
        for j, (first, second, sign) in enumerate(BT):
            one.zero_()
            for i, (upper, lower, row_sign) in enumerate(BT):
                rows[upper].add_(tiles[4 * i + j])
                rows[lower].add_(tiles[4 * i + j], alpha=row_sign)
            columns[first].add_(one)
            columns[second].add_(one, alpha=sign)
        x[..., 0::2].add_(even)
        x[..., 1::2].add_(odd)

    def transform_outputs(self, y: Tensor, products: Tensor) -> None:
        """A outputs Aᵀ of a strip (K, 2 rows, 2 columns) into (16, K, rows, columns)."""
        left, right = self._split(y)
        for j, one in enumerate(_combinations(left, right, _start(self.scratch[2], left.shape))):
            upper, lower = one[:, 0::2], one[:, 1::2]
            products[j].copy_(upper)
            torch.add(upper, lower, out=products[4 + j])
            torch.sub(upper, lower, out=products[8 + j])
            torch.neg(lower, out=products[12 + j])

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The even and the odd columns of (C, H, W), each contiguous: strided arithmetic is slow."""
        shape = (*x.shape[:2], x.shape[2] // 2)
        return _start(self.scratch[0], shape).copy_(x[..., 0::2]), _start(self.scratch[1], shape).copy_(x[..., 1::2])


def _columns_of_tiles(even: Tensor, odd: Tensor) -> tuple[Tensor, ...]:
    """The first, second, third and fourth columns of all tiles, each (C, H, columns), as views."""
    return even[..., :-1], odd[..., :-1], even[..., 1:], odd[..., 1:]


def _rows_of_tiles(x: Tensor) -> tuple[Tensor, ...]:
    """The first, second, third and fourth rows of all tiles of (C, 2 rows + 2, W), as views."""
    return x[:, 0:-2:2], x[:, 1:-2:2], x[:, 2::2], x[:, 3::2]


def _sum_outputs(products: Tensor, y: Tensor) -> None:
    """Aᵀ products A of (16, K, rows, columns), which are overwritten, into (K, 2 rows, 2 columns)."""
    first, second, third, fourth = products.unflatten(0, (4, 4))
    first.add_(second).add_(third)
    second.sub_(third).sub_(fourth)
    for row, (a, b, c, d) in enumerate((first, second)):
        torch.add(a.add_(b), c, out=y[:, row::2, 0::2])
        torch.sub(b.sub_(c), d, out=y[:, row::2, 1::2])


def _combinations(first: Tensor, second: Tensor, memory: Tensor) -> Iterator[Tensor]:
    """A times two numbers: the first, their sum and difference, both in `memory`, and minus the second, in place."""
    yield first
    yield torch.add(first, second, out=memory)
    yield torch.sub(first, second, out=memory)
    yield second.neg_()


def _start(memory: Tensor, shape: Sequence[int]) -> Tensor:
    """The start of a flat tensor in a shape."""
    return memory[: prod(shape)].view(*shape)
