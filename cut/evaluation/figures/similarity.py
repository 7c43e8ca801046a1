"""What a trained CUT takes for similar: its vectors of whole images (CUT, "visualizing the learned similarity")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from cut.errors import UserError
from cut.evaluation.translate.inference import inference
from cut.evaluation.translate.trained import trained_generator
from cut.evaluation.translate.translator import Translator, pad_by_reflection
from cut.models.build import build_head
from cut.models.contrastive_options import ContrastiveOptions
from cut.models.image_sizes import TapShapes
from cut.models.shared_passes import with_channels
from cut.networks.interface import ContrastiveGenerator
from cut.options import Options
from cut.precision import Arithmetic, full
from cut.training.checkpoints import fill

MOST_PIXELS = 512 * 512  # of an image; all vectors of the first taps are kept, 1 KB for each pixel
FIT_ON = 20_000  # vectors of all images, from which principal components are found

Point = tuple[int, int]  # (x, y) in pixels of the image, from the left and from the top


@dataclass(frozen=True)
class VectorMap:
    """The vectors of one image at one tap.

    Attributes:
        vectors: (h, w, C) of unit length, with the tap's padding.
        padded: (H, W) of the image that the encoder took, in pixels.
        size: (H, W) of the image without what it was continued by at the right and the bottom.
    """

    vectors: Tensor
    padded: tuple[int, int]
    size: tuple[int, int]

    def at(self, point: Point) -> Tensor:
        """The vector (C,) of the place that shows a point."""
        column, row = (
            place + (length - side) // 2 if length > side else place * length // side
            for place, length, side in zip(point, reversed(self.vectors.shape[:2]), reversed(self.padded), strict=True)
        )
        return self.vectors[row, column]

    def on_image(self, values: Tensor) -> Tensor:
        """A value for each place, (h, w) or (h, w, N), as one for each pixel of the image, by the nearest place."""
        rows, columns = (
            torch.arange(wanted) + (length - side) // 2 if length > side else torch.arange(wanted) * length // side
            for wanted, length, side in zip(self.size, self.vectors.shape[:2], self.padded, strict=True)
        )
        return values[rows][:, columns]


class LearnedSimilarity:
    """G and F of a run, with its weights as trained.

    Args:
        options: as from `test_options`.
        temperature: τ of the maps; that of the run where none is given.

    Raises:
        UserError: when the run has no G with taps and no head F, or lacks weights.
    """

    def __init__(self, options: Options, device: torch.device | str = "cpu", temperature: float | None = None) -> None:
        if not isinstance(options.method, ContrastiveOptions):
            raise UserError(
                f"{options.run.name} was trained by --model {options.run.model}, but only cut and sincut have the one "
                "generator with a head F whose similarity is shown: give a run of these."
            )
        self.options, self.taps = options, options.method.taps
        self.temperature = options.method.nce_T if temperature is None else temperature
        epoch = options.run.epoch
        generator = trained_generator(options, epoch)
        side = options.data.crop_size
        widths = [channels for channels, _, _ in TapShapes(options, self.taps).tap_shapes(side, side)]
        head = build_head(options, widths)
        fill(head, options.run.folder, epoch, "F")
        arithmetic = Arithmetic.of(options, device)
        training = not options.testing.eval
        self.translator = Translator(generator, arithmetic, training=training, seed=options.run.seed)
        self.head = head.to(arithmetic.device).eval()
        self.generator = cast(ContrastiveGenerator, self.translator.generator)

    def translate(self, image: Tensor) -> Tensor:
        """(C, H, W) in [−1, 1], as test.py translates with the weights as trained.

        Raises:
            UserError: when the image is too large for a figure.
        """
        height, width = image.shape[1:]
        if height * width > MOST_PIXELS:
            raise UserError(
                f"An image of {width}×{height} pixels is too large for its vectors at every place: make it smaller "
                "with --size 512."
            )
        return self.translator(image)

    def vectors(self, image: Tensor) -> list[VectorMap]:
        """What F makes of every place of an image at each tap.

        Args:
            image: (C, H, W) in [−1, 1], of either domain.
        """
        height, width = image.shape[1:]
        padded = tuple(map(self.translator.padded_length, (height, width)))
        images = pad_by_reflection(with_channels(image[None], self.options.data.input_nc), *padded)
        arithmetic = self.translator.arithmetic
        with torch.random.fork_rng(devices=[]), inference(self.generator), arithmetic.region():
            torch.manual_seed(self.options.run.seed)  # for a generator that adds noise
            features = [full(feature) for feature in self.generator.encode(arithmetic.images(images), self.taps)]
            places = [torch.arange(feature[0, 0].numel(), device=feature.device) for feature in features]
            vectors = self.head(features, places)
        shapes = [feature.shape[2:] for feature in features]
        return [
            VectorMap(one[0].float().cpu().clone().view(*shape, -1), (padded[0], padded[1]), (height, width))
            for one, shape in zip(vectors, shapes, strict=True)
        ]

    def similarity(self, queries: Sequence[VectorMap], keys: Sequence[VectorMap], point: Point) -> list[Tensor]:
        """exp(q·k/τ) of a point's query and the key of every pixel, as a share of the largest: (H, W) for each tap."""
        maps = []
        for query, key in zip(queries, keys, strict=True):
            logits = key.vectors @ query.at(point) / self.temperature  # (h, w)
            maps.append(key.on_image(torch.exp(logits - logits.max())))
        return maps


def check_points(points: Sequence[Point], width: int, height: int) -> None:
    """
    Raises:
        UserError: for points outside an image of this size.
    """
    outside = [point for point in points if not (0 <= point[0] < width and 0 <= point[1] < height)]
    if outside:
        named = " ".join(f"{x},{y}" for x, y in outside)
        raise UserError(
            f"--points {named}: outside the image of {width}×{height} pixels; x is from 0 to {width - 1}, y from 0 to "
            f"{height - 1}."
        )


def principal_colors(maps: Sequence[VectorMap]) -> list[Tensor]:
    """The first three principal components of the vectors of several images at one tap, as RGB.

    All images share the components and their scale: from the 1st to the 99th percentile of each. Components have no
    sign of their own; the largest weight of each is made positive.

    Returns:
        (H, W, 3) in [0, 1] for each image.
    """
    everything = torch.cat([one.on_image(one.vectors).flatten(0, 1) for one in maps])
    some = everything[:: max(1, -(-len(everything) // FIT_ON))].double()
    mean = some.mean(0)
    _, directions = torch.linalg.eigh((some - mean).t() @ (some - mean))
    components = directions.flip(1)[:, :3]  # (C, 3), the largest first
    if components.shape[1] < 3:
        components = torch.nn.functional.pad(components, (0, 3 - components.shape[1]))
    largest = components.gather(0, components.abs().argmax(0, keepdim=True))
    components = components * torch.where(largest < 0, -1.0, 1.0)
    low, high = torch.quantile((some - mean) @ components, some.new_tensor([0.01, 0.99]), dim=0)
    span = (high - low).clamp_min(1e-12)
    return [
        one.on_image((((one.vectors.double() - mean) @ components - low) / span).clamp(0, 1).float()) for one in maps
    ]
