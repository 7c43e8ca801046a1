"""Folders whose images are nearly black or white are reported with numbers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cut.data.brightness import brightness_note
from cut.data.images import read_image
from cut.data.loader import make_dataset


def note(folder: Path) -> str | None:
    files = sorted(folder.iterdir())
    return brightness_note(folder, files, lambda file: read_image(file, 3))


def write(folder: Path, low: float, high: float, kind=np.uint8, count: int = 12) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        values = np.random.default_rng(number).uniform(low, high, (16, 20)).astype(kind)
        Image.fromarray(values).save(folder / f"{number}.{'png' if kind is np.uint8 else 'tif'}")
    return folder


@pytest.mark.parametrize(
    ("low", "high", "kind", "looks"),
    [
        (0, 19, np.uint8, "black"),  # class ids
        (0, 4095, np.uint16, "black"),  # 12 bits in 16
        (250, 255, np.uint8, "white"),
        (3e38, 3e38, np.float32, "black"),
        (0, 255, np.uint8, None),
        (0, 65535, np.uint16, None),
        (0, 1, np.float32, None),
        (-2000, 2000, np.float32, None),
        (100, 110, np.uint8, None),
    ],
)
def test_values_that_do_not_fill_the_range(tmp_path, low, high, kind, looks):
    said = note(write(tmp_path / "a", low, high, kind))
    assert (said is None) == (looks is None)
    assert said is None or (f"nearly {looks}: in 8 of them" in said and "%" in said and str(tmp_path / "a") in said)


def test_one_usual_image_in_the_sample_is_enough(tmp_path):
    write(tmp_path / "a", 0, 10, count=7)
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (8, 1))).save(tmp_path / "a" / "x.png")
    assert note(tmp_path / "a") is None


def test_lines_on_white_paper_are_usual(tmp_path):
    (tmp_path / "a").mkdir()
    drawing = Image.new("L", (100, 100), 255)
    drawing.paste(0, (10, 10, 90, 11))
    drawing.save(tmp_path / "a" / "x.png")
    assert note(tmp_path / "a") is None


def test_it_takes_seconds_whatever_the_folder(tmp_path, monkeypatch):
    asked, now = [], iter(range(0, 1000, 3))
    monkeypatch.setattr("cut.data.sample.time.monotonic", lambda: next(now))
    files = [tmp_path / f"{number}.png" for number in range(1000)]
    brightness_note(tmp_path, files, lambda file: asked.append(file) or Image.new("L", (4, 4)))
    assert len(asked) == 1


def test_a_training_set_reports_what_is_left_out_and_what_is_black(make_images, train):
    root = make_images({"trainA": 2, "trainB": 2})
    assert make_dataset(train(root)).notes() == []
    write(root / "trainB", 0, 9)
    for number in range(2):
        Image.new("L", (20, 16)).save(root / "trainB" / f"00{number}.png")
    (root / "trainA" / "x.heic").touch()
    left, black = make_dataset(train(root)).notes()
    assert "trainA: 1 file ends in .heic" in left and "trainB are nearly black" in black
