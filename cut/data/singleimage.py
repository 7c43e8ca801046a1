"""Two pictures, one of each domain: training cuts them into many small crops (CUT paper, section 4.4)."""

from typing import Any

from PIL import Image

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import images_at, phase_folders
from cut.data.formats.raster import Picture
from cut.data.randomness import Purpose, permutation
from cut.data.resampling import Size
from cut.data.transforms import CELLS
from cut.errors import UserError
from cut.options import Options
from cut.registry import DATASETS

CROPS_PER_EPOCH = 100_000


@DATASETS.register("singleimage")
class SingleImageDataset(ImageDataset):
    """One picture in `dataroot/{phase}A` and one in `dataroot/{phase}B`; phase test falls back to val, then to train.

    In training, an epoch is 100,000 zoomed patches of each. The cells of the grid come from a permutation, so that the
    crops of one batch rarely coincide. In testing, the one sample is the whole picture at its own size.

    Args:
        options: of the run; `--direction BtoA` makes domain B the source.

    Raises:
        UserError: when a folder is missing or does not hold exactly one image.
    """

    resample = Image.Resampling.BILINEAR
    has_distribution = False

    def __init__(self, options: Options) -> None:
        data = options.data
        source, target = "AB" if data.direction == "AtoB" else "BA"
        folders = phase_folders(
            data.dataroot,
            options.run.phase,
            "AB" if options.is_train else source,
            fallbacks=("val", "train"),
            given={letter: options.formats.root_of(letter) for letter in "AB"},
        )

        def domain(letter: str, channels: int) -> Domain:
            folder, files = images_at(folders[letter], split=options.run.phase)
            if len(files) != 1:
                raise UserError(
                    f"{folders[letter]} holds {len(files)} images, but --dataset_mode singleimage takes exactly one "
                    "per side; leave one there, or use --dataset_mode unaligned."
                )
            return Domain(letter, folder, tuple(files), channels)

        with_target = options.is_train or bool(images_at(folders[target], 1, options.run.phase)[1])
        multiple = 4 if options.is_train or data.preprocess != "none" else 1
        super().__init__(
            options, domain(source, data.input_nc), domain(target, data.output_nc) if with_target else None, multiple
        )
        self._decoded: dict[str, Picture] = {}

    def __len__(self) -> int:
        return int(min(CROPS_PER_EPOCH, self.limit)) if self.is_train else 1

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_decoded": {}}  # a worker that is spawned decodes its own

    def problem(self, size: Size) -> str | None:
        crop = self.preprocessing.crop_size
        if self.is_train and min(size) < crop:
            width, height = size
            return f"is {width}×{height} pixels, smaller than --crop_size {crop}; use a larger one or a smaller crop."
        return super().problem(size)

    def _cell(self, domain: Domain, epoch: int, index: int) -> int:
        purpose = Purpose.CELLS_A if domain.letter == "A" else Purpose.CELLS_B
        return int(permutation(self.seed, purpose, epoch, CELLS)[index])

    def _image(self, domain: Domain, number: int) -> Picture:
        if domain.letter not in self._decoded:
            self._decoded[domain.letter] = super()._image(domain, number)
        return self._decoded[domain.letter]
