"""Two folders of images that are not pairs of each other."""

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import images_at, phase_folders, some_images_at
from cut.data.lists import check_groups
from cut.data.randomness import Purpose, generator
from cut.options import Options
from cut.registry import DATASETS


@DATASETS.register("unaligned")
class UnalignedDataset(ImageDataset):
    """Domain A from `dataroot/{phase}A`, domain B from `dataroot/{phase}B`; phase test falls back to val.

    In training, an epoch has as many samples as the larger domain: images of A are taken in turn, those of B
    uniformly at random, or in turn too under `--serial_batches`. In testing, every image to translate comes exactly
    once, in order, with the target at the same position; the folder of targets may be missing.

    Args:
        options: of the run; `--direction BtoA` makes domain B the source.

    Raises:
        UserError: when a folder is missing or empty.
    """

    def __init__(self, options: Options) -> None:
        data = options.data
        source, target = "AB" if data.direction == "AtoB" else "BA"
        given, phase = {letter: options.formats.root_of(letter) for letter in "AB"}, options.run.phase
        check_groups(list(given.values()))
        places = phase_folders(data.dataroot, phase, "AB" if options.is_train else source, given=given)

        def domain(letter: str, channels: int) -> Domain:
            folder, files = some_images_at(places[letter], data.max_dataset_size, phase)
            return Domain(letter, folder, tuple(files), channels)

        with_target = options.is_train or bool(images_at(places[target], 1, phase)[1])
        super().__init__(
            options, domain(source, data.input_nc), domain(target, data.output_nc) if with_target else None
        )

    def __len__(self) -> int:
        count = len(self.source.files)
        return max(count, len(self.target.files)) if self.is_train and self.target else count

    def _number(self, domain: Domain, epoch: int, index: int) -> int:
        if domain.letter == "B" and not self.serial:
            return int(generator(self.seed, Purpose.PARTNER, epoch, index).integers(len(domain.files)))
        return super()._number(domain, epoch, index)
