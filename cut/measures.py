"""The measures of translations by name: what each is called, which way is better, and what computes it.

To add a measure, write one file in `cut/evaluation/measures/` and register its function there:

    @MEASURES.register("psnr", label="PSNR", needs="pairs", higher_is_better=True)
    def psnr(real, fake): ...

`--best_metric` lists the names, so such a file imports NumPy, PyTorch and the like only inside its functions.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Needs = Literal["features", "neighbours", "single", "pairs", "perceptual", "palette", "segmenter"]
ORDER: tuple[Needs, ...] = get_args(Needs)
FOLDER = "cut.evaluation.measures"
OF_FEATURES = ("features", "neighbours", "single")  # whose values depend on the extractor
INCEPTION = "Inception"  # begins the titles of the extractors whose distances are published FIDs and KIDs


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: what `--best_metric` takes, and the key under which values are stored.
        label: its name on pages, in tables and logs; with features, the extractor is added in brackets.
        needs: what `compute` is given:

            features  (real: FeatureSet, fake: FeatureSet, seed: int), of all images
            neighbours  likewise, on demand (`--precision_recall`)
            single    likewise, the features at all places of one picture each (single-image runs)
            pairs     (real, fake), uint8 (H, W, 3) of equal sizes; the values of all pairs are averaged
            perceptual  (distances), one number a pair, by a pretrained network (`--lpips_weights`)
            palette   (confusion: Confusion), the classes of all pixels of all pairs
            segmenter  (confusion: Confusion), of label maps and what a segmentation network makes of the photographs

        higher_is_better: False for distances.
        compute: returns the value, or (value, standard deviation), or None where it cannot be known.
        inception_label: the label with Inception's features; by default `label`.
    """

    name: str
    label: str
    needs: Needs
    higher_is_better: bool
    compute: Callable[..., Any]
    inception_label: str = ""

    def label_with(self, extractor: str | None) -> str:
        """What the measure is called when its features are those of `extractor` (a title such as "Inception")."""
        if self.needs not in OF_FEATURES or not extractor:
            return self.label
        if extractor.startswith(INCEPTION):
            return (self.inception_label or self.label) + extractor.removeprefix(INCEPTION)
        return f"{self.label} ({extractor})"

    def is_called(self, key: str) -> bool:
        """Whether `key` is the name or, as files of earlier runs have it, one of the labels."""
        short = key.split(" (")[0] if self.needs in OF_FEATURES else key
        return key == self.name or short in (self.label, self.inception_label)


class Measures(Mapping[str, Measure]):
    """The registered measures, in the order in which they are shown: by what they need, then by file.

    Args:
        folder: package whose modules register measures; they are imported when the first name is asked for.
    """

    def __init__(self, folder: str) -> None:
        self._folder: str | None = folder
        self._known: dict[str, Measure] = {}

    def register(
        self, name: str, *, label: str, needs: Needs, higher_is_better: bool, inception_label: str = ""
    ) -> Callable[[Callable], Callable]:
        """Decorator that adds a function as a measure; for the arguments see `Measure`.

        Raises:
            ValueError: when the name is taken, or `needs` is none of these.
        """
        if needs not in ORDER:
            raise ValueError(f"the measure {name!r} needs {needs!r}, which is none of {', '.join(ORDER)}")

        def add(compute: Callable) -> Callable:
            if name in self._known:
                raise ValueError(f"there is already a measure named {name!r}")
            self._known[name] = Measure(name, label, needs, higher_is_better, compute, inception_label)
            return compute

        return add

    def names(self) -> list[str]:
        return list(self)

    def needing(self, needs: Needs) -> list[Measure]:
        """The measures with this need."""
        return [measure for measure in self.values() if measure.needs == needs]

    def __getitem__(self, name: str) -> Measure:
        self._import_folder()
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        self._import_folder()
        return iter(sorted(self._known, key=lambda name: ORDER.index(self._known[name].needs)))

    def __len__(self) -> int:
        self._import_folder()
        return len(self._known)

    def _import_folder(self) -> None:
        folder, self._folder = self._folder, None  # before the import: the modules may ask for measures themselves
        if folder is not None:
            for module in pkgutil.iter_modules(importlib.import_module(folder).__path__):
                importlib.import_module(f"{folder}.{module.name}")


MEASURES = Measures(FOLDER)
