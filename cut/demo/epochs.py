"""The saved weights of a run, by the names that the page shows, each loaded when it is first asked for."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image

from cut.api.loading import Translation
from cut.device import choose_device
from cut.errors import UserError
from cut.evaluation.protocols.own_images import translate_files
from cut.evaluation.translate.trained import load_translator, trained_epochs, weight_file
from cut.models.styles import translation_count
from cut.options import Options, test_options

KEPT = 3  # generators in memory
SHOWN = {"latest": "last", "best": "best"}


class Epochs:
    """What one run can translate with.

    Args:
        words: of the command line: `--name RUN` and other options of test.py.

    Attributes:
        options: with the weights that are chosen at first.
        labels: what the page offers → the words that choose it; the last epoch first, then the best, then newest first.

    Raises:
        UserError: when there is no such run, an option is wrong, or the run makes several translations of a picture.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.options = test_options(self.words)
        if translation_count(self.options) != 1:
            raise UserError("The page shows one translation of a picture: leave --num_style out.")
        self.device = choose_device(self.options.run.gpu_ids, self.options.run.threads)
        self.labels = self._labels()
        if not self.labels:
            weight_file(self.options, self.options.run.epoch)  # says what is missing
        self.translation = lru_cache(KEPT)(self._load)

    def translate(self, label: str, picture: Image.Image) -> Image.Image:
        """The translation of a picture, of its size."""
        return self.translation(label)(picture)

    def translate_folder(self, label: str, source: str, target: str) -> int:
        """Translate the pictures of a folder into another, as test.py does; returns the exit status."""
        words = ["--input", source, "--output", target]
        return translate_files(test_options([*self.words, *self.labels[label], *words]), self.device)

    def _load(self, label: str) -> Translation:
        options = test_options([*self.words, *self.labels[label]])
        return Translation(load_translator(options, self.device), options)

    def _labels(self) -> dict[str, list[str]]:
        epochs = trained_epochs(self.options)
        named = [name for name in SHOWN if name in epochs]
        labels = {}
        for epoch in [*named, *reversed([name for name in epochs if name.isdigit()])]:
            shown, words = SHOWN.get(epoch, f"epoch {epoch}"), ["--epoch", epoch]
            if self._has_average(self.options.replace(epoch=epoch, no_ema=False)):
                labels[f"{shown}, average"] = words
                labels[shown] = [*words, "--no_ema"]
            else:
                labels[shown] = words
        return labels

    @staticmethod
    def _has_average(options: Options) -> bool:
        return weight_file(options, options.run.epoch) != weight_file(options.replace(no_ema=True), options.run.epoch)


def folder_problem(source: str, target: str) -> str | None:
    """What is wrong with the two folders of the page; None if nothing is."""
    if not source.strip() or not target.strip():
        return "Give both folders: that of the pictures, and one for the translations."
    if not Path(source).is_dir():
        return f"There is no folder {source} on this machine."
    return None
