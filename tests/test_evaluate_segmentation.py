"""The script prints a table and writes JSON; whatever is wrong with its input is one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.scripts import load_script

SCRIPT = Path(__file__).parents[1] / "scripts" / "evaluate_segmentation.py"
ROAD, SKY = (128, 64, 128), (70, 130, 180)


@pytest.fixture
def folders(tmp_path):
    """Truth: half road, half sky, and a void row; prediction: ids of half the size, of which one sky is road."""
    for name in ("true", "predicted"):
        (tmp_path / name).mkdir()
    truth = np.zeros((5, 4, 3), np.uint8)
    truth[:2], truth[2:4] = ROAD, SKY
    Image.fromarray(truth[:4]).save(tmp_path / "true" / "a.png")
    Image.fromarray(np.array([[0, 0], [10, 0]], np.uint8)).save(tmp_path / "predicted" / "a.png")
    Image.fromarray(truth).save(tmp_path / "true" / "b.png")
    Image.fromarray(truth).save(tmp_path / "predicted" / "b.bmp")
    return tmp_path / "true", tmp_path / "predicted"


@pytest.fixture
def run(monkeypatch, capsys):
    """The script's exit status and what it printed, without a new process."""
    script = load_script("evaluate_segmentation")

    def run(*words):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, words)])
        return script.main(), *capsys.readouterr()

    return run


def test_table_and_json(folders, tmp_path):
    words = [sys.executable, SCRIPT, *folders, "--palette", "cityscapes", "--output", tmp_path / "scores.json"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "2 images, 32 pixels that are not void, classes of Cityscapes" in ran.stdout
    assert "predictions of another size, resized to the truth by the nearest pixel: 1\n" in ran.stdout
    rows = {line.split()[0]: line.split()[1:] for line in ran.stdout.splitlines() if line.strip()}
    assert rows["road"] == ["16", "1.0000", "0.8000"]
    assert rows["sky"] == ["16", "0.7500", "0.7500"]
    assert rows["bicycle"] == ["0", "–", "–"]
    assert "pixel accuracy: 0.8750\nclass accuracy: 0.8750\nmean IoU: 0.7750\n" in ran.stdout

    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["scores"] == pytest.approx({"pixel_accuracy": 0.875, "class_accuracy": 0.875, "mean_iou": 0.775})
    assert (written["images"], written["resized"], written["pixels"]) == (2, 1, 32)
    assert written["classes"]["sky"] == {"pixels": 16, "accuracy": 0.75, "IoU": 0.75}
    assert written["classes"]["bicycle"] == {"pixels": 0, "accuracy": None, "IoU": None}
    assert written["confusion"][10][0] == 4


def test_problems_are_one_sentence(run, folders, tmp_path):
    true, predicted = folders
    for words, sentence in (
        ((tmp_path / "no", predicted, "--palette", "relief"), f"There is no folder {tmp_path / 'no'}."),
        ((true, predicted, "--palette", "citiscapes"), "There is no palette 'citiscapes' (did you mean cityscapes?)"),
        ((true, predicted, "--palette", "relief"), "has the class id 10, but the ids of relief are 0 to 1"),
        ((true, predicted, "--palette", "cityscapes", "--ids"), "a.png has colours, not class ids; leave out --ids."),
        ((true, predicted, "--palette", "cityscapes", "--output", tmp_path / "no/x.json"), "There is no folder"),
        ((true, predicted, "--palette", "cityscapes", "--output", tmp_path), f"{tmp_path} cannot be written"),
    ):
        status, _, problem = run(*words)
        assert status == 2
        assert sentence in problem and problem.count("\n") == 1, problem


def test_only_void_is_nothing_to_score(run, folders):
    for folder in folders:
        for file in folder.iterdir():
            file.unlink()
        Image.new("RGB", (3, 3)).save(folder / "a.png")
    status, _, problem = run(*folders, "--palette", "cityscapes")
    assert status == 2 and problem == f"{folders[0]} has no pixel of a class of Cityscapes: all are void.\n"
