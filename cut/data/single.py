"""One folder of images and no second domain."""

from pathlib import Path

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import images_in
from cut.errors import UserError
from cut.options import Options
from cut.registry import DATASETS


@DATASETS.register("single")
class SingleDataset(ImageDataset):
    """All images below `dataroot`, each once an epoch; without targets, so only for test.py.

    Raises:
        UserError: when the folder is missing or has no images, or when used for training.
    """

    def __init__(self, options: Options) -> None:
        if options.is_train:
            raise UserError(
                "--dataset_mode single has no target domain to learn from: train with unaligned or singleimage, "
                "and use single with test.py."
            )
        folder = Path(options.data.dataroot)
        files = tuple(images_in(folder, options.data.max_dataset_size))
        super().__init__(options, Domain("A", folder, files, options.data.input_nc), None)

    def __len__(self) -> int:
        return len(self.source.files)
