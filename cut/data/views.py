"""Images of any number of bands as what people and feature networks see: three bands or one."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cut.data.batch import Batch
from cut.options import Options


@dataclass(frozen=True)
class View:
    """Which bands are shown, and how they are stretched.

    Attributes:
        bands: counted from 0, one or three; None: the first three, or the first.
        stretch: percentiles of a picture that become black and white; None: −1 and 1 do.
    """

    bands: tuple[int, ...] | None = None
    stretch: tuple[float, float] | None = None

    @classmethod
    def of(cls, options: Options) -> "View":
        """That of `--preview_bands` and `--preview_stretch`."""
        chosen = options.formats
        bands = None if chosen.preview_bands is None else tuple(int(one) - 1 for one in chosen.preview_bands.split(","))
        stretch = None if chosen.preview_stretch == "none" else tuple(map(float, chosen.preview_stretch.split(",")))
        return cls(bands, stretch)  # type: ignore[arg-type]  # two numbers, as checked

    def chosen(self, image: Tensor) -> Tensor:
        """The shown bands of (…, C, H, W), not stretched: (…, 1 or 3, H, W). What has too few bands shows the first."""
        count = image.shape[-3]
        bands = self.bands if self.bands is not None and max(self.bands) < count else range(3 if count >= 3 else 1)
        if tuple(bands) == tuple(range(count)):
            return image
        return image[..., list(bands), :, :]

    def __call__(self, image: Tensor, valid: Tensor | None = None) -> Tensor:
        """The shown bands of (C, H, W), stretched.

        Args:
            valid: bool (1, H, W); pixels without data are black and do not count for the stretch.
        """
        shown = self.chosen(image)
        if self.stretch is not None:
            shown = torch.stack([self._stretched(band, valid) for band in shown])
        return shown if valid is None else torch.where(valid.to(shown.device), shown, -torch.ones_like(shown))

    def pictures(self, pictures: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The pictures of a step, (B, C, H, W), as they are shown, real images with their masks."""
        return {name: self._batch(images, self._mask(name, images, batch)) for name, images in pictures.items()}

    def _batch(self, images: Tensor, valid: Tensor | None) -> Tensor:
        if self.stretch is None and valid is None:
            return self.chosen(images)
        return torch.stack([self(image, None if valid is None else valid[i]) for i, image in enumerate(images)])

    def _mask(self, name: str, images: Tensor, batch: Batch) -> Tensor | None:
        """The mask of real images, found by their content: methods name their sides in their own ways."""
        if not name.startswith("real"):
            return None
        for side, valid in ((batch.source, batch.source_valid), (batch.target, batch.target_valid)):
            if valid is None or side is None or side.shape != images.shape:
                continue
            if torch.equal(side.to(images.device, images.dtype), images):
                return valid
        return None

    def _stretched(self, band: Tensor, valid: Tensor | None) -> Tensor:
        values = band if valid is None else band[valid[0].to(band.device)]
        if self.stretch is None or not values.numel():
            return band
        shares = torch.tensor(self.stretch, device=band.device) / 100
        low, high = torch.quantile(values.flatten()[: 2**24].float(), shares)  # as many as the function takes
        return ((band - low) / (high - low).clamp(min=1e-6) * 2 - 1).clamp(-1, 1)
