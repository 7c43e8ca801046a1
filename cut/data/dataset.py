"""What the data sets share: options → files → samples."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from cut.data.batch import Sample
from cut.data.brightness import brightness_note
from cut.data.domain import Domain
from cut.data.files import check_images, images_at, left_out, split_place
from cut.data.formats.kinds import expand
from cut.data.formats.ranges import Scale, stored_scales
from cut.data.formats.raster import Picture, valid_of
from cut.data.formats.reading import how_to_read, make_reading
from cut.data.formats.survey import survey
from cut.data.images import parse_color, to_tensor
from cut.data.lists import is_list_or_glob
from cut.data.randomness import Purpose, generator, permutation
from cut.data.resampling import Size
from cut.data.shapes import odd_pairs, odd_sizes
from cut.data.transforms import Augmentation, Preprocessing
from cut.errors import UserError
from cut.options import Options


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
    in_pairs = False
    """Whether each image always comes with the same one of the other side, and is augmented as that one is."""

    def __init__(self, options: Options, source: Domain, target: Domain | None, multiple: int = 4) -> None:
        data = options.data
        self.root, self.channels = Path(data.dataroot), (data.input_nc, data.output_nc)
        self.options, self.how = options, how_to_read(options)
        self.limit = data.max_dataset_size
        self.source, self.target = self._expanded(source), self._expanded(target) if target else None
        self.seed = options.run.seed
        self.is_train = options.is_train
        self.serial = data.serial_batches or not options.is_train
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
            turns=options.formats.turns if options.is_train else frozenset(),
        )
        self.one_size = True
        self._settled = False

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
        sides, images = self._sides(), self._images(epoch, index)
        files = [side.files[self._number(side, epoch, index)] for side in sides]
        for file, image in zip(files, images, strict=True):
            if problem := self.problem(image.size):  # again: the file may have been replaced since the check
                raise UserError(f"{file} {problem}")
        preprocessing = self._preprocessing_in(epoch)
        draws = self._augmentations([image.size for image in images], epoch, index)
        images = [preprocessing.apply(image, drawn) for image, drawn in zip(images, draws, strict=True)]
        tensors = [to_tensor(image, side.channels) for side, image in zip(sides, images, strict=True)]
        valid = [valid_of(image) for image in images]
        if self.target is None:
            return Sample(tensors[0], None, str(files[0]), source_valid=valid[0])
        return Sample(tensors[0], tensors[1], str(files[0]), str(files[1]), valid[0], valid[1])

    def _number(self, domain: Domain, epoch: int, index: int) -> int:
        """Which image of a domain goes into a sample."""
        return index % len(domain.files)

    def _cell(self, domain: Domain, epoch: int, index: int) -> int | None:
        """Which cell of the grid of patches goes into a sample; None: drawn at random."""
        return None

    def paths(self, key: tuple[int, int]) -> list[Path]:
        """The files of the sample at (epoch, index)."""
        return list(dict.fromkeys(file for _, file in self.files_of(key)))

    def files_of(self, key: tuple[int, int]) -> list[tuple[Domain, Path]]:
        """The sides of the sample at (epoch, index), each with its file."""
        return [(side, side.files[self._number(side, *key)]) for side in self._sides()]

    def _sides(self) -> list[Domain]:
        return [self.source, *([self.target] if self.target else [])]

    @property
    def letters(self) -> tuple[str, str]:
        """The letters of the source domain and of the other one, as in the names of folders."""
        return self.source.letter, "B" if self.source.letter == "A" else "A"

    def split(self, name: str, limit: float = math.inf) -> tuple[Domain, Domain]:
        """Source and target images of a split of the data; no files on a side that is not there.

        Args:
            name: "train", "val" or "test".
            limit: take the first so many of each side.
        """
        source, target = (
            self._side_of(name, letter, count, limit) for letter, count in zip(self.letters, self.channels, strict=True)
        )
        return source, target

    def _side_of(self, split: str, letter: str, channels: int, limit: float) -> Domain:
        """One side of a split, read as the same side of the data set is."""
        self.settle()
        given = self.options.formats.root_of(letter)
        place = split_place(given, self.root, split, letter, self.options.run.phase)
        folder, files = (self.root / f"{split}{letter}", []) if place is None else images_at(place, limit, split)
        reading = next((side.reading for side in self._sides() if side.letter == letter), None)
        return self._expanded(Domain(letter, folder, tuple(files), channels, reading=reading), limit)

    def _expanded(self, side: Domain, limit: float | None = None) -> Domain:
        """A side whose volumes are slices, and whose DICOM series are in order."""
        return replace(side, files=expand(side.files, self.how, self.limit if limit is None else limit))

    @property
    def scales(self) -> dict[str, Scale]:
        """Of each side that is not pictures, by letter, which values become −1 and 1; once `check` was called."""
        return {side.letter: side.reading.scale for side in self._sides() if side.reading is not None}

    def settle(self) -> None:
        """Decide, once, how the files of each side are read; as in training, where a run is continued or tested."""
        if self._settled:
            return
        self._settled = True
        known = self.known_scales()
        source, *target = (
            replace(
                side, reading=make_reading(self.options, side.letter, side.channels, side.files, known.get(side.letter))
            )
            for side in self._sides()
        )
        self.source, self.target = source, target[0] if target else None

    def known_scales(self) -> dict[str, Scale]:
        """Those that the run was trained with, where it is continued or tested."""
        again = not self.is_train or self.options.checkpoints.continue_train
        return stored_scales(self.options.run.folder) if again else {}

    def files(self) -> list[Path]:
        """Every image that may be read, those of the source first; a file with both sides twice."""
        return [file for side in self._sides() for file in side.files]

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
        self.settle()
        if self.leave_out:
            try:
                self._check_side(self.source)
            except UserError as error:
                if len(error.problems) == len(self.source.files):
                    raise
            return
        sizes: list[list[Size]] = []
        problems: list[str] = []
        for side in self._sides():
            try:
                sizes.append(self._check_side(side))
            except UserError as error:
                problems += error.problems
        if problems:
            raise UserError(*dict.fromkeys(problems))
        self._input_sizes = sizes
        self._outputs = [  # of both sides at the beginning, and while the learning rate decays
            tuple([step.smallest_output(size) for size in side] for side in (sizes[0], *(sizes[1:] or [[]])))
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

    def _check_side(self, side: Domain) -> list[Size]:
        """The sizes of the images of one side; see `check`."""
        sizes = check_images(
            side.files,
            decode=self.decode_all,
            problem=lambda size: side.problem(size, self.problem),
            check_one=side.check_file,
        )
        return [side.size(size) for size in sizes]

    def check_pairs(self, why: str) -> None:
        """Refuse a training set whose samples can have a source and a target of different sizes.

        Args:
            why: what needs one size, and what to do without it: "the identity loss …; use …".

        Raises:
            UserError: names the files.
        """
        odd = "zoom makes them random" if self.preprocessing.random_size and not self.in_pairs else None
        if self.target is not None:
            files = (self.source.files, self.target.files)
            for sources, targets in self._outputs:
                if self.serial or self.in_pairs:
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
        domains = self._sides()
        folders = [one.folder for one in domains if not is_list_or_glob(self.options.formats.root_of(one.letter))]
        notes = [left_out(folder) for folder in folders] + [self.brightness(domain) for domain in domains]
        for domain in domains:
            notes += survey(domain.letter, domain.reading, domain.files)
        return list(dict.fromkeys(note for note in notes if note))

    def brightness(self, domain: Domain) -> str | None:
        """A sentence when the pictures of a domain are nearly black or white, else None."""
        if domain.reading is not None:
            return None
        return brightness_note(domain.folder, domain.files, lambda file: domain.picture(file, self.background))

    def problem(self, size: Size) -> str | None:
        """Why an image of this size cannot be used, to follow its name, or None."""
        return self.preprocessing.problem(size)

    def _preprocessing_in(self, epoch: float) -> Preprocessing:
        """While the learning rate decays, images are scaled to the crop's size: no scale jitter."""
        if epoch <= self.decay_after:
            return self.preprocessing
        return replace(self.preprocessing, load_size=self.preprocessing.crop_size)

    def _images(self, epoch: int, index: int) -> list[Picture]:
        """The images of a sample, decoded: its source and, where there is one, its target."""
        return [self._image(side, self._number(side, epoch, index)) for side in self._sides()]

    def _image(self, domain: Domain, number: int) -> Picture:
        """Image `number` of a domain, decoded."""
        return domain.read(domain.files[number], self.background)

    def _augmentations(self, sizes: list[Size], epoch: int, index: int) -> list[Augmentation]:
        """What is drawn at random for each image of a sample, of these sizes."""
        return [self._augmentation(side, size, epoch, index) for side, size in zip(self._sides(), sizes, strict=True)]

    def _augmentation(self, domain: Domain, size: Size, epoch: int, index: int) -> Augmentation:
        """What is drawn at random for the image of a domain in a sample; nothing in testing."""
        preprocessing = self._preprocessing_in(epoch)
        if not self.is_train:
            return preprocessing.centred(size)
        rng = generator(self.seed, domain.augmentation, epoch, index)
        return preprocessing.draw(size, rng, self._cell(domain, epoch, index))
