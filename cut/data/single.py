"""One folder of images and no second domain."""

from pathlib import Path

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import some_images_at
from cut.errors import UserError
from cut.options import Options
from cut.registry import DATASETS


@DATASETS.register("single")
class SingleDataset(ImageDataset):
    """All images below `dataroot`, or of `--dataroot_A`, each once an epoch; without targets, so only for test.py.

    Raises:
        UserError: when the folder is missing or has no images, or when used for training.
    """

    def __init__(self, options: Options) -> None:
        if options.is_train:
            raise UserError(
                "--dataset_mode single has no target domain to learn from: train with unaligned or singleimage, "
                "and use single with test.py."
            )
        place = Path(options.formats.dataroot_A or options.data.dataroot)
        folder, files = some_images_at(place, options.data.max_dataset_size, options.run.phase)
        super().__init__(options, Domain("A", folder, tuple(files), options.data.input_nc), None)

    def __len__(self) -> int:
        return len(self.source.files)
