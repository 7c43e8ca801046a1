"""scripts/compare.py: a row for each image that all runs translated, from what test.py wrote."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.tiny_run import write_image
from tests.monitoring.recorded_runs import record
from tests.scripts import load_script


@pytest.fixture
def compare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_script("compare").main


def translated(run, *names, target=True):
    for label in ("real_A", "fake_B", *(["real_B"] if target else [])):
        for name in names:
            write_image(Path("results") / run / "test_latest/images" / label / name, (8, 8))


def test_common_images_in_the_order_of_the_runs(compare, capsys):
    record(Path("checkpoints/one"), measures={4: {"frechet": 91.44}}, best=[4])
    translated("one", "a.png", "sub/b.png", "c.png")
    translated("two", "a.png", "sub/b.png", "d.png")
    assert compare(["one", "two"]) == 0
    assert "The page is results/comparison/index.html." in capsys.readouterr().out
    text = Path("results/comparison/index.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', text)
    place = "test_latest/images"
    for name in ("a.png", "sub/b.png"):
        row = [f"one/{place}/real_A", f"one/{place}/fake_B", f"two/{place}/fake_B", f"one/{place}/real_B"]
        assert [f"../{folder}/{name}" for folder in row] == [file for file in pictures if file.endswith(name)]
    assert not any(file.endswith(("c.png", "d.png")) for file in pictures)
    assert "91.44" in text
    assert all((Path("results/comparison") / file).is_file() for file in pictures)


def test_few_of_many_and_no_targets(compare):
    translated("one", *(f"{number}.png" for number in range(9)), target=False)
    assert compare(["one", "--num", "3"]) == 0
    text = Path("results/comparison/index.html").read_text()
    assert len(re.findall(r'src="[^"]+fake_B', text)) == 3 and "real_B" not in text and "3 of 9" in text


def test_picture_has_a_row_for_each_run_and_a_column_for_each_image(compare, capsys):
    images = ("a.png", "b.png")
    translated("one", *images, "c.png")
    translated("two", *images)
    for folder, color in (("one", (200, 0, 0)), ("two", (0, 200, 0))):
        for name in images:
            file = Path("results") / folder / "test_latest/images/fake_B" / name
            Image.new("RGB", (16, 16), color).save(file)  # scaled to the source's 8²
    assert compare(["one", "two", "--picture", "figure.png"]) == 0
    assert "The picture is figure.png." in capsys.readouterr().out
    with Image.open("figure.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    red, green = (np.argwhere((pixels == color).all(-1)) for color in ((200, 0, 0), (0, 200, 0)))
    assert len(red) == len(green) == len(images) * 8 * 8
    assert red[:, 0].max() < green[:, 0].min()
    assert set(red[:, 1]) == set(green[:, 1])
    assert compare(["one", "--picture", "figure.jpg", "--picture_num", "1"]) == 0
    with Image.open("figure.jpg") as picture:
        assert picture.format == "JPEG" and picture.width < pixels.shape[1]


def test_bad_input_is_one_sentence(compare, capsys):
    translated("one", "a.png")
    assert compare(["one", "--picture", "figure.gif"]) == 2
    assert "--picture figure.gif must end in .png or .jpg." in capsys.readouterr().err
    assert compare(["one", "two"]) == 2
    assert "holds no translations: python test.py --name two makes them." in capsys.readouterr().err
    translated("two", "b.png")
    assert compare(["one", "two"]) == 2
    assert "translated no image in common" in capsys.readouterr().err
    assert not Path("results/comparison").exists()
