"""What the data sets share: options → files → samples."""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from cut.data.batch import Sample
from cut.data.brightness import brightness_note
from cut.data.files import check_images, left_out
from cut.data.images import parse_color, read_image, to_tensor
from cut.data.randomness import Purpose, generator, permutation
from cut.data.resampling import Size
from cut.data.shapes import odd_pairs, odd_sizes
from cut.data.transforms import Preprocessing
from cut.errors import UserError
from cut.options import Options


@dataclass(frozen=True)
class Domain:
    """The images of one side.

    Attributes:
        letter: "A" or "B", as in the folder's name.
        folder: what the file names are relative to.
        files: the images, sorted.
        channels: 1 or 3, of the tensors made from them.
    """

    letter: str
    folder: Path
    files: tuple[Path, ...]
    channels: int

    @property
    def augmentation(self) -> Purpose:
        return Purpose.AUGMENT_A if self.letter == "A" else Purpose.AUGMENT_B


class ImageDataset(Dataset[Sample]):
    """Samples by (epoch, index): each is a function of the seed, the epoch and the index only.

    Samples do not depend on the worker, on earlier samples or on where a run was resumed. In training, images are
    cropped and flipped at random; a test set is read in order, uncropped or centre-cropped, and never flipped.

    Args:
        options: of the run; `options.is_train` decides between training and testing.
        source: images to translate.
        target: images of the other domain, or None.
        multiple: what both sides of every image are rounded to; 1 keeps any size.

    Attributes:
        sizes: all sizes that samples have (the smallest of an image under zoom), from the headers, once `check` was
            called.
        smallest: least width and height of a sample in pixels, from the headers, once `check` was called.
        one_size: whether all samples of a side are of one size, as far as `check` has found.
    """

    resample = Image.Resampling.BICUBIC
    sizes: list[Size]
    smallest: Size
    has_distribution = True
    """Whether each side is a set of images, whose distributions can be compared; False for single pictures."""

    def __init__(self, options: Options, source: Domain, target: Domain | None, multiple: int = 4) -> None:
        data = options.data
        for name, count in (("input_nc", data.input_nc), ("output_nc", data.output_nc)):
            if count not in (1, 3):
                raise UserError(f"--{name} {count}: images are read with 3 channels (colour) or 1 (grayscale).")
        self.source, self.target = source, target
        self.seed = options.run.seed
        self.is_train = options.is_train
        self.serial = data.serial_batches or not options.is_train
        self.limit = data.max_dataset_size
        self.leave_out = not options.is_train and not options.testing.strict
        self.batch_size, self.words = data.batch_size, data.preprocess
        self.decode_all = data.verify_images
        self.background = parse_color(data.alpha_background)
        decays = options.is_train and not data.jitter_while_decaying
        self.decay_after = options.training.n_epochs if decays else math.inf
        words = frozenset() if data.preprocess == "none" else frozenset(data.preprocess.split("_and_"))
        self.preprocessing = Preprocessing(
            words=words,
            load_size=data.load_size,
            crop_size=data.crop_size,
            flip=options.is_train and not data.no_flip,
            zoom_low=1 / data.random_scale_max if options.is_train else 1.0,
            resample=self.resample,
            multiple=multiple,
        )
        self.one_size = True

    def __len__(self) -> int:
        """Samples in one epoch."""
        raise NotImplementedError

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """The sample at (epoch, index); the first epoch is 1, the first index 0.

        Raises:
            UserError: when a file can no longer be read.
        """
        epoch, index = key
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} in a data set of {len(self)} samples")
        source, source_path = self._read(self.source, epoch, index)
        if self.target is None:
            return Sample(source, None, source_path)
        target, target_path = self._read(self.target, epoch, index)
        return Sample(source, target, source_path, target_path)

    def _number(self, domain: Domain, epoch: int, index: int) -> int:
        """Which image of a domain goes into a sample."""
        return index % len(domain.files)

    def _cell(self, domain: Domain, epoch: int, index: int) -> int | None:
        """Which cell of the grid of patches goes into a sample; None: drawn at random."""
        return None

    def paths(self, key: tuple[int, int]) -> list[Path]:
        """The files of the sample at (epoch, index)."""
        sides = (self.source, self.target) if self.target else (self.source,)
        return [side.files[self._number(side, *key)] for side in sides]

    @property
    def letters(self) -> tuple[str, str]:
        """The letters of the source domain and of the other one, as in the names of folders."""
        return self.source.letter, "B" if self.source.letter == "A" else "A"

    def files(self) -> list[Path]:
        """Every image that may be read."""
        return [*self.source.files, *(self.target.files if self.target else ())]

    def fingerprint(self) -> str:
        """A hash of the names on each side, in order: equal exactly when a resumed run would see the same files."""
        digest = hashlib.sha256()
        for domain in (self.source, self.target):
            names = [path.relative_to(domain.folder).as_posix() for path in domain.files] if domain else []
            digest.update("\0".join([domain.letter if domain else "", *names, "\n"]).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def order(self, epoch: int) -> np.ndarray:
        """The indices of an epoch in the order in which they are used."""
        return np.arange(len(self)) if self.serial else permutation(self.seed, Purpose.ORDER, epoch, len(self))

    def check(self) -> None:
        """Read the header of every file, or decode them all under `--verify_images`.

        Raises:
            UserError: one sentence for every file that cannot be used, or one about images of a training set that
                cannot share a batch; for test.py, which leaves such files out unless `--strict` is given, only when
                there is nothing that it could translate.
        """
        if self.leave_out:
            try:
                check_images(self.source.files, decode=self.decode_all, problem=self.problem)
            except UserError as error:
                if len(error.problems) == len(self.source.files):
                    raise
            return
        sizes = check_images(self.files(), decode=self.decode_all, problem=self.problem)
        count = len(self.source.files)
        self._outputs = [  # of both sides at the beginning, and while the learning rate decays
            (
                [step.smallest_output(size) for size in sizes[:count]],
                [step.smallest_output(size) for size in sizes[count:]],
            )
            for step in (self.preprocessing, self._preprocessing_in(math.inf))
        ]
        self.sizes = list(dict.fromkeys(size for sides in self._outputs for side in sides for size in side))
        widths, heights = zip(*self.sizes, strict=True)
        self.smallest = (min(widths), min(heights))
        odd = [self._odd_sizes(side) for side in (0, 1)]
        self.one_size = not any(odd) and not self.preprocessing.random_size
        if self.is_train and self.batch_size > 1 and not self.one_size:
            which = "; ".join(filter(None, odd)) or "zoom makes them random"
            raise UserError(
                f"--preprocess {self.words} leaves images of different sizes, which cannot share a batch: {which}; "
                "use --batch_size 1, or a --preprocess with crop."
            )

    def check_pairs(self, why: str) -> None:
        """Refuse a training set whose samples can have a source and a target of different sizes.

        Args:
            why: what needs one size, and what to do without it: "the identity loss …; use …".

        Raises:
            UserError: names the files.
        """
        odd = "zoom makes them random" if self.preprocessing.random_size else None
        if self.target is not None:
            files = (self.source.files, self.target.files)
            for sources, targets in self._outputs:
                if self.serial:
                    odd = odd or odd_pairs(files, (sources, targets), len(self))
                else:  # any image of one side can meet any of the other
                    odd = odd or odd_sizes([*files[0], *files[1]], [*sources, *targets])
        if odd:
            raise UserError(
                f"--preprocess {self.words} leaves images of different sizes, but {why}, or a --preprocess with crop: "
                f"{odd}."
            )

    def _odd_sizes(self, side: int) -> str | None:
        files = self.files()
        count = len(self.source.files)
        own = files[:count] if side == 0 else files[count:]
        return next(filter(None, (odd_sizes(own, sizes[side]) for sizes in self._outputs)), None)

    def files_of_size(self, size: Size) -> list[Path]:
        """The files whose samples can be of a size, of those in `sizes`."""
        files = self.files()
        outputs = ([*sources, *targets] for sources, targets in self._outputs)
        return list(
            dict.fromkeys(file for sizes in outputs for file, own in zip(files, sizes, strict=True) if own == size)
        )

    def notes(self) -> list[str]:
        """Sentences on what a user may not have meant: files that are left out, images that are nearly black or white.

        Takes a few seconds at most, however many images there are.
        """
        domains = [self.source, *([self.target] if self.target else [])]
        notes = [left_out(domain.folder) for domain in domains] + [self.brightness(domain) for domain in domains]
        return [note for note in notes if note]

    def brightness(self, domain: Domain) -> str | None:
        """A sentence when the images of a domain are nearly black or white, else None."""
        return brightness_note(
            domain.folder, domain.files, lambda file: read_image(file, domain.channels, self.background)
        )

    def problem(self, size: Size) -> str | None:
        """Why an image of this size cannot be used, to follow its name, or None."""
        return self.preprocessing.problem(size)

    def _preprocessing_in(self, epoch: float) -> Preprocessing:
        """While the learning rate decays, images are scaled to the crop's size: no scale jitter."""
        if epoch <= self.decay_after:
            return self.preprocessing
        return replace(self.preprocessing, load_size=self.preprocessing.crop_size)

    def _image(self, domain: Domain, number: int) -> Image.Image:
        """Image `number` of a domain, decoded."""
        return read_image(domain.files[number], domain.channels, self.background)

    def _read(self, domain: Domain, epoch: int, index: int) -> tuple[Tensor, str]:
        """One side of a sample, (C, H, W) in [−1, 1], and its file."""
        number = self._number(domain, epoch, index)
        image = self._image(domain, number)
        problem = self.problem(image.size)  # again: the file may have been replaced since the check
        if problem:
            raise UserError(f"{domain.files[number]} {problem}")
        preprocessing = self._preprocessing_in(epoch)
        if self.is_train:
            rng = generator(self.seed, domain.augmentation, epoch, index)
            draws = preprocessing.draw(image.size, rng, self._cell(domain, epoch, index))
        else:
            draws = preprocessing.centred(image.size)
        return to_tensor(preprocessing.apply(image, draws), domain.channels), str(domain.files[number])
