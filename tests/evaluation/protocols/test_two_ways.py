"""test.py with a method that translates both ways, and with one generator of it."""

import numpy as np
import pytest
import torch
from PIL import Image

from cut.errors import UserError
from cut.evaluation.protocols.dataset_results import translate_dataset
from cut.evaluation.protocols.own_images import translate_files
from cut.evaluation.translate.trained import trained_generator
from cut.options import as_saved_yaml, train_options
from cut.options import test_options as options_to_test
from cut.registry import MODELS
from cut.training.checkpoints import RunFolder, TrainingState

TINY = ["--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--netD", "n_layers", "--n_layers_D", "2"]
TINY += ["--load_size", "32", "--crop_size", "32"]


def save_run(folder, *words, sizes=TINY):
    """A run of `--name run` with fresh weights, and images for it."""
    place = ["--name", "run", "--checkpoints_dir", str(folder / "checkpoints"), "--dataroot", str(folder / "data")]
    options = train_options([*place, *sizes, *words])
    model = MODELS[options.run.model].factory(options)
    run = RunFolder(options.run.folder)
    with run.locked():
        run.save(["latest"], model, TrainingState())
    (options.run.folder / "options.yaml").write_text(as_saved_yaml(options))
    rng = np.random.default_rng(0)
    for side in "AB":
        (folder / "data" / f"test{side}").mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 255, (32, 32, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "data" / f"test{side}" / f"{side}{number}.png")
    return model


@pytest.fixture
def words(tmp_path):
    return [
        "--name", "run", "--checkpoints_dir", str(tmp_path / "checkpoints"), "--gpu_ids", "-1",
        "--results_dir", str(tmp_path / "results"),
    ]  # fmt: skip


def names(folder):
    return {part.name: sorted(file.name for file in part.iterdir()) for part in (folder / "images").iterdir()}


@pytest.mark.parametrize("trained", ["AtoB", "BtoA"])
def test_each_way_is_translated_by_its_generator(tmp_path, words, trained):
    model = save_run(tmp_path, "--model", "cycle_gan", "--direction", trained)
    there, back = (
        options_to_test(words),
        options_to_test([*words, "--direction", {"AtoB": "BtoA", "BtoA": "AtoB"}[trained]]),
    )
    assert (there.backward, back.backward) == (False, True)
    for options, network in ((there, "G_A"), (back, "G_B")):
        expected, found = model.networks[network].state_dict(), trained_generator(options, "latest").state_dict()
        assert all(torch.equal(found[name], value) for name, value in expected.items())
        assert translate_dataset(options) == 0
    source, target = trained[0], trained[-1]
    results = tmp_path / "results" / "run"
    of_source, of_target = ([f"{side}{number}.png" for number in range(2)] for side in (source, target))
    assert names(results / "test_latest")["fake_B"] == of_source
    assert names(results / "test_latest_back")["fake_A"] == of_target


def test_the_way_back_has_the_channels_of_the_other_side(tmp_path, words):
    save_run(tmp_path, "--model", "cycle_gan", "--input_nc", "1", "--lambda_identity", "0")
    folder, output = tmp_path / "data" / "testB", tmp_path / "out"
    assert (
        translate_files(
            options_to_test([*words, "--direction", "BtoA", "--input", str(folder), "--output", str(output)])
        )
        == 0
    )
    assert Image.open(output / "B0.png").mode == "L"


def test_a_method_of_one_way_says_so(tmp_path, words):
    save_run(tmp_path, "--model", "cut", "--nce_layers", "0,2")
    with pytest.raises(UserError, match="--model cut translates only as it was trained"):
        trained_generator(options_to_test([*words, "--direction", "BtoA"]), "latest")


def test_one_generator_of_a_cyclegan_as_in_its_tutorials(tmp_path, words):
    model = save_run(tmp_path, "--model", "cycle_gan")
    folder = tmp_path / "data" / "testB"
    one = [*words, "--model", "test", "--model_suffix", "_B", "--no_dropout", "--dataroot", str(folder)]
    found = trained_generator(options_to_test(one), "latest").state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.networks["G_B"].state_dict().items())
    assert translate_dataset(options_to_test(one)) == 0
    assert names(tmp_path / "results" / "run" / "test_latest")["fake_B"] == ["B0.png", "B1.png"]
    with pytest.raises(UserError, match=r"holds no weights of G_C \(it has those of D_A, D_B, G_A, G_B\)"):
        trained_generator(options_to_test([*one, "--model_suffix", "_C"]), "latest")


def test_a_published_file_alone(tmp_path, words):
    """A folder with nothing but latest_net_G.pth, and the options of the tutorial."""
    model = save_run(tmp_path, "--model", "cycle_gan")
    run = tmp_path / "checkpoints" / "run"
    for file in run.iterdir():
        if file.name != "latest_net_G_A.pth":
            file.unlink()
    (run / "latest_net_G_A.pth").rename(run / "latest_net_G.pth")
    folder = tmp_path / "data" / "testA"
    one = [
        *words,
        "--model",
        "test",
        "--no_dropout",
        "--dataroot",
        str(folder),
        "--netG",
        "resnet_4blocks",
        "--ngf",
        "4",
    ]
    found = trained_generator(options_to_test(one), "latest").state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.networks["G_A"].state_dict().items())
