"""Every method from the command line: trained, measured both ways where it translates both, and used on one picture."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import train
from cut.cli import evaluate
from cut.cli.translate import translate
from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.styles import StyleOptions
from cut.monitoring.log_files import read_metrics
from cut.options import run_script, train_options
from cut.options import test_options as options_to_test
from cut.registry import MODELS
from cut.training.checkpoints import RunFolder, TrainingState
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
    for side, height in zip("AB", (36, 40), strict=True):
        write_image(root / "unequal" / f"train{side}" / "one.png", (40, height), 3)
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


def test_no_method_is_left_out():
    trained = {name for name in MODELS.names() if "train" in MODELS[name].phases}
    assert {train_options(words(method)).run.model for method in METHODS} == trained


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


@pytest.mark.parametrize(
    ("method", "changes", "said"),
    [
        (
            "pix2pix",
            {"dataset_mode": "unaligned"},
            "--model pix2pix learns from pairs, and --dataset_mode",
        ),
        ("pix2pix", {"dataroot": "two", "phase": "val"}, "val"),
        ("gc_gan_share", {"preprocess": "none"}, "turns pictures by 90°, so they must be square, and some are 40×36"),
        ("gc_gan_mix", {"preprocess": "scale_width"}, "use a --preprocess with crop, or --geometry vf"),
        ("simdcl", {"batch_size": 2}, "--batch_size is 2 but must be 1"),
        ("simdcl", {"num_patches": 128}, "256: SimDCL's networks F3 to F6 take 256 patches"),
        ("simdcl", {"crop_size": 32}, "SimDCL compares 256 patches at each tap, but tap 12 of"),
        ("distance_gan", {"batch_size": 1}, "--batch_size 2, or --use_self_distance"),
        ("qs_global", {"num_patches": 65}, "cannot choose among the 64 positions of tap 12 in images of 32×32 pixels"),
        ("qs_local", {"num_patches": 65}, "use at most --num_patches 64, or a larger --crop_size"),
        ("munit", {"crop_size": 30}, "needs images whose sides are multiples of 4 pixels, not 30×30"),
        ("drit", {"crop_size": 214}, "DRIT needs sides that are multiples of 4 pixels, not 214×214"),
        ("drit", {"crop_size": 208}, "needs images of at least 212×212 pixels, not 208×208"),
        ("drit", {"batch_size": 3}, "use --batch_size 2, not 3"),
        ("cycle_gan", {"input_nc": 1}, "must be equal; use --lambda_identity 0"),
        ("dcl", {"gan_mode": "wgangp", "preprocess": "none"}, "needs source and target of one size"),
        ("munit", {"pretrained_name": "other"}, "holds no weights of gen_a (it has those of D, F, G)"),
        ("pix2pix", {"pretrained_name": "other"}, "of another architecture than the options describe"),
        ("hdce", {"nce_layers": "0,4,99"}, "tap 99, which this ResNet generator does not have"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_the_first_step(method, changes, said, images, tmp_path, capsys):
    data = images / (changes.pop("dataroot", None) or {"pix2pix": "pairs"}.get(method, "sets"))
    if method == "dcl":
        data = images / "unequal"
    if "pretrained_name" in changes:
        other = train_options(["--name", "other", "--checkpoints_dir", str(tmp_path), *words("cut")])
        with (folder := RunFolder(other.run.folder)).locked():
            folder.save(["latest"], MODELS["cut"].factory(other), TrainingState())
    place = ["--name", "run", "--checkpoints_dir", str(tmp_path)]
    given = RUN | {"dataroot": data, "feature_extractor": None, "evaluation_epoch_freq": 0} | changes
    assert run_script(train.main, train_options, [*place, *words(method, **given)]) == 2
    problem = capsys.readouterr().err
    assert said in problem and problem.splitlines()[0].count(". ") <= 1 and "Traceback" not in problem
    assert not list(tmp_path.glob("run/*.pth"))


@pytest.mark.parametrize("method", sorted(METHODS.keys() - set(BOTH_WAYS)))
def test_a_method_of_one_way_refuses_the_way_back(method):
    if method == "selfdistance":
        options, said = options_to_test(["--model", "distancegan", "--A_to_B"]), "trained with --A_to_B"
    else:
        model = train_options(words(method)).run.model
        options, said = options_to_test(["--model", model]), f"--model {model} translates only as it was trained"
    with pytest.raises(UserError, match=said):
        MODELS[options.run.model].factory.translator_names(replace(options, backward=True))
