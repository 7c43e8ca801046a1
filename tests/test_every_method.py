"""Every method from the command line: trained, measured both ways where it translates both, and used on one picture."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import train
from cut.cli import evaluate
from cut.cli.translate import translate
from cut.data.batch import Batch
from cut.models.styles import StyleOptions
from cut.monitoring.log_files import read_metrics
from cut.options import test_options as options_to_test
from cut.options import train_options
from cut.registry import MODELS
from tests.evaluation.tiny_run import write_image
from tests.methods import BOTH_WAYS, METHODS, words

RUN = {
    "gpu_ids": -1, "num_threads": 0, "display_id": 0, "no_html": True, "n_epochs": 1, "n_epochs_decay": 0,
    "evaluation_freq": 0, "feature_extractor": "colours", "ema_decay": 0.5,
}  # fmt: skip
PICTURE = (45, 37)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Six training images a side and three pairs of held-out ones; a picture a side for SinCUT; pairs for pix2pix."""
    root = tmp_path_factory.mktemp("images")
    for folder, count in {"trainA": 6, "trainB": 6, "valA": 3, "valB": 3}.items():
        for number in range(count):
            seed = number if folder.startswith("val") else 10 + number + 10 * (folder == "trainB")
            write_image(root / "sets" / folder / f"{number}.png", (40, 36), seed)
    for number in range(2):
        write_image(root / "pairs" / "train" / f"{number}.png", (80, 36), number)
        write_image(root / "pairs" / "val" / f"{number}.png", (80, 36), 5 + number)
    for side in "AB":
        write_image(root / "two" / f"train{side}" / "one.png", (40, 36), ord(side))
    write_image(root / "picture.png", PICTURE, seed=99)
    return root


@pytest.fixture
def run(method, images, tmp_path, extractor):
    """The words that name a run of the method, its images, and the folder of the run."""
    few = {"max_dataset_size": {"distance_gan": 6, "drit": 4, "sincut": 4}.get(method, 2)}
    data = images / {"pix2pix": "pairs", "sincut": "two"}.get(method, "sets")
    place = ["--name", method, "--checkpoints_dir", str(tmp_path / "runs")]
    assert train.main(train_options([*place, *words(method, dataroot=data, **RUN | few)])) == 0
    return place, images, tmp_path / "runs" / method


def first_translator(method):
    model = train_options(words(method)).run.model
    names = MODELS[model].factory.translators["AtoB"]
    return names if isinstance(names, str) else names[0]


@pytest.mark.parametrize("method", METHODS)
def test_from_training_to_one_picture(method, run, tmp_path, capsys):
    place, images, folder = run
    epoch = "latest" if method == "sincut" else "best"  # these colours do not measure two single pictures
    if epoch == "best":
        (entry,) = read_metrics(folder / "metrics.jsonl", "evaluation")
        assert np.isfinite(entry["evaluation"]["measures"]["frechet"]) and entry["evaluation"]["unaveraged"]
        assert json.loads((folder / "best.json").read_text())["epoch"] == 1
    for label in ("latest", "latest_ema", epoch, f"{epoch}_ema"):
        assert (folder / f"{label}_net_{first_translator(method)}.pth").exists()

    one = [*place, "--input", str(images / "picture.png"), "--output", str(tmp_path / "one.png"), "--epoch", epoch]
    assert translate(options_to_test([*one, "--gpu_ids", "-1"])) == 0
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == PICTURE and picture.mode == "RGB"

    capsys.readouterr()
    back = evaluate.main([*place, "--direction", "BtoA", "--gpu_ids", "-1", "--epoch", "latest"])
    said = capsys.readouterr()
    if method in BOTH_WAYS:
        assert back == 0, said.err
        (row,) = json.loads((folder / "evaluation_back.json").read_text())["rows"]
        assert np.isfinite(row["measures"]["frechet"]) and not (folder / "evaluation.json").exists()
    else:
        assert back == 2 and said.err.count("\n") == 1 and "--direction" in said.err


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_a_step(method):
    """Every method shows its images and their translations, finite and of the images' size."""
    options = train_options(["--dataroot", "x", *words(method)])
    model, side = MODELS[options.run.model].factory(options), options.data.crop_size
    pictures = model.pictures(Batch(*torch.rand(2, options.data.batch_size, 3, side, side)))
    assert {"real_A", "fake_B", "real_B"} <= pictures.keys() or method == "distance_gan"
    assert all(torch.isfinite(image).all() and image.shape[2:] == (side, side) for image in pictures.values())
    if method in BOTH_WAYS:
        assert "fake_A" in pictures
    if isinstance(options.method, StyleOptions):
        assert {"fake_B_2", "fake_B_3", "guided_B", "rec_A", "fake_A_2"} <= pictures.keys()
