"""scripts/compare.py: a row for each image that all runs translated, from what test.py wrote."""

import re
from pathlib import Path

import pytest

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


def test_bad_input_is_one_sentence(compare, capsys):
    translated("one", "a.png")
    assert compare(["one", "two"]) == 2
    assert "holds no translations: python test.py --name two makes them." in capsys.readouterr().err
    translated("two", "b.png")
    assert compare(["one", "two"]) == 2
    assert "translated no image in common" in capsys.readouterr().err
    assert not Path("results/comparison").exists()
