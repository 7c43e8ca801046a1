"""The script prints a table and writes JSON; whatever is wrong with its input is one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.evaluation.drn_file import colour_network
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


@pytest.fixture
def cityscapes(tmp_path):
    """Label images of train ids and of colours as Cityscapes names them, and photographs: bright sky, dark road."""
    true, fake, real = (tmp_path / name for name in ("gtFine", "fake", "real"))
    for number, city in enumerate(("bonn", "ulm")):
        frame = f"{city}_00000{number}_000019"
        ids = np.full((64, 128), 255, np.uint8)
        ids[:32], ids[32:48] = 10, 0  # the last quarter is void
        photo = np.full((64, 128, 3), 250, np.uint8)
        photo[32:] = 5
        for folder in (true / city, real / city, fake):
            folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ids).save(true / city / f"{frame}_gtFine_labelTrainIds.png")
        Image.fromarray(ids * 0 + 33).save(true / city / f"{frame}_gtFine_labelIds.png")
        Image.fromarray(photo).save(real / city / f"{frame}_leftImg8bit.png")
        Image.fromarray(photo[::-1] if number else photo).save(fake / f"{frame}.jpg")
    return true, fake, real, colour_network(tmp_path / "drn.pth")


def test_photographs_are_labelled_and_scored(cityscapes, run, tmp_path):
    true, fake, real, weights = cityscapes
    words = [true, fake, "--network", "drn_d_22", "--weights", weights, "--gpu_ids", -1]
    status, said, _ = run(*words, "--real", real, "--output", tmp_path / "scores.json")
    assert status == 0
    assert "2 photographs labelled by DRN-D-22 at 256×128 (weights drn.pth, SHA-256 " in said
    found = json.loads((tmp_path / "scores.json").read_text())
    assert found["size"] == [256, 128] and len(found["weights"]["sha256"]) == 64
    assert found["pixels"] == 2 * 96 * 256 and found["void"] == 2 * 32 * 256
    ceiling, scores = found["ceiling"], found["scores"]
    assert ceiling["drn_pixel_accuracy_valid"] > 0.9 and scores["drn_pixel_accuracy_valid"] < 0.7
    for values in (ceiling, scores):
        share = values["drn_pixel_accuracy_all"] / values["drn_pixel_accuracy_valid"]
        assert share == pytest.approx(0.75)  # a quarter of the pixels is void
    rows = {line[:26].strip(): line[26:].split() for line in said.splitlines()}
    assert rows["DRN pixel accuracy, all"][-1] == f"{ceiling['drn_pixel_accuracy_all']:.4f}"
    status, said, _ = run(*words, "--own_size")
    assert status == 0 and "at the size of each label image" in said and "--real FOLDER adds" in said


def test_photographs_that_cannot_be_scored(cityscapes, run, tmp_path):
    true, fake, real, weights = cityscapes
    network = ["--network", "drn_d_22", "--weights", weights, "--gpu_ids", -1]
    for city in ("bonn", "ulm"):
        next((true / city).glob("*_labelTrainIds.png")).unlink()
    status, _, said = run(true, fake, *network)
    assert status == 2 and "labelIds.png has the class id 33" in said and "train ids, not the label ids" in said
    (fake / "more.jpg").write_bytes(next(fake.glob("bonn*")).read_bytes())
    status, _, said = run(true, fake, *network)
    assert status == 2 and "but more only in" in said
    torch.save({**torch.load(weights)["state_dict"], "module.seg.weight": torch.zeros(11, 512, 1, 1)}, weights)
    status, _, said = run(true, fake, *network)
    assert status == 2 and "tell 11 classes apart, not 19" in said
    for words in (network[:2], network[2:4], ()):  # no weights, no network, no palette
        with pytest.raises(SystemExit):
            run(true, fake, *words)
