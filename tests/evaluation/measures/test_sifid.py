"""SIFID compares two single pictures, while a run trains and afterwards."""

import json

import numpy as np
import pytest
from PIL import Image

from cut.errors import UserError
from cut.evaluation.features.extraction import load_extractor, local_set
from cut.evaluation.measures.frechet import frechet_distance
from tests.evaluation.measured_run import trained
from tests.evaluation.test_evaluator import evaluator_of
from tests.evaluation.tiny_run import write_image
from tests.scripts import load_script

SINGLE = [
    *"--dataset_mode singleimage --preprocess zoom_and_patch --crop_size 16 --max_dataset_size 2".split(),
    *"--feature_extractor efficientnet_lite0".split(),
]


@pytest.fixture
def single(data):
    for side in "AB":
        (data / f"train{side}/1.png").unlink()
        write_image(data / f"train{side}/0.png", (48, 40), seed=ord(side))
    return data


def test_every_place_counts_and_moved_texture_is_the_same():
    extractor = load_extractor("efficientnet_lite0")
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    texture = np.tile(tile, (4, 4, 1))
    moved, smooth = np.roll(texture, (8, 12), (0, 1)), texture // 4 + 90
    real, same, other = (local_set(extractor, picture) for picture in (texture, moved, smooth))
    assert real.features.shape == (64 * 64, 16)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(real, same) < 0.05 * frechet_distance(real, other)
    with pytest.raises(UserError, match="A picture of 12×16 is too small for SIFID"):
        local_set(extractor, texture[:16, :12])


def test_in_training_and_afterwards(single, capsys):
    folder = trained(single, "run", *SINGLE, "--best_metric", "sifid")
    said = capsys.readouterr().out
    assert "The translation of 0.png is compared with the one picture 0.png every epoch" in said
    assert "SIFD (EfficientNet-Lite0)" in said and (folder / "best_net_G.pth").exists()
    best = json.loads((folder / "best.json").read_text())
    script, place = load_script("evaluate_fid"), ["--checkpoints_dir", str(single / "checkpoints"), "--gpu_ids", "-1"]
    assert script.main(["--name", "run", *place, "--baselines"]) == 0
    rows = json.loads((folder / "evaluation.json").read_text())["rows"]
    assert [row["name"] for row in rows][0] == "source to real"
    assert best["measures"]["sifid"] in [pytest.approx(row["measures"]["sifid"], rel=1e-4) for row in rows]


def test_two_picture_files(tmp_path, capsys):
    files = [str(write_image(tmp_path / f"{seed}.png", (40, 40), seed=seed)) for seed in (1, 2)]
    script = load_script("evaluate_fid")
    words = ["--feature_extractor", "efficientnet_lite0", "--gpu_ids", "-1"]
    assert script.main([*files, *words]) == 0
    assert "SIFD (EfficientNet-Lite0)" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "evaluation.json").read_text())["rows"]
    assert list(row["measures"]) == ["sifid"] and row["measures"]["sifid"] > 0


def test_it_is_for_single_pictures_alone(data, single):
    with pytest.raises(UserError, match="--best_metric sifid compares two single pictures: use it with --dataset_mode"):
        evaluator_of(data, "--dataset_mode", "unaligned", "--best_metric", "sifid")
    evaluator, (message,) = evaluator_of(single, *SINGLE)
    assert evaluator is None and "--best_metric sifid measures it" in message
    Image.new("RGB", (16, 12)).save(single / "trainB/0.png")
