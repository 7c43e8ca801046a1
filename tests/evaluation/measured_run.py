"""A tiny training run with held-out pairs, measured by an extractor that needs no weights."""

from pathlib import Path

import pytest

import train
from cut.options import train_options
from cut.registry import EXTRACTORS
from tests import tiny_extractor
from tests.evaluation.tiny_run import TINY_OPTIONS, write_image

TINY = [
    *TINY_OPTIONS,
    *(
        "--load_size 20 --crop_size 16 --n_epochs 2 --n_epochs_decay 0 --no_html --evaluation_freq 0 "
        "--evaluation_epoch_freq 1 --feature_extractor colours"
    ).split(),
]


@pytest.fixture
def extractor(tmp_path, monkeypatch):
    """The extractor "colours", and a cache of the test's own."""
    monkeypatch.setitem(EXTRACTORS._entries, tiny_extractor.NAME, tiny_extractor.ENTRY)
    monkeypatch.setenv("CUT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path, extractor) -> Path:
    """Two training images a side and four pairs to hold out."""
    for seed, side in enumerate(("trainA", "trainB", "valA", "valB")):
        for number in range(2 if side.startswith("train") else 4):
            write_image(tmp_path / side / f"{number}.png", (24, 20), seed=10 * seed + number)
    return tmp_path


def options_of(data: Path, name: str, *more: str):
    place = ["--dataroot", str(data), "--name", name, "--checkpoints_dir", str(data / "checkpoints")]
    return train_options([*place, *TINY, *more])


def trained(data: Path, name: str, *more: str) -> Path:
    """Trains two epochs of two images; the folder of the run."""
    assert train.main(options_of(data, name, *more)) == 0
    return data / "checkpoints" / name
