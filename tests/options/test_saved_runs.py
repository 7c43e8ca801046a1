"""Options that a run saved: to continue it, and to translate with it."""

import pytest

from cut.errors import UserError
from cut.options import as_saved_yaml, option, train_options
from cut.options import test_options as options_to_test
from cut.registry import GENERATORS, MODELS


@pytest.fixture
def train(tmp_path):
    """`train(words)`: a run of these options, saved in its folder; `there` are the words that find it again."""

    def run(*words):
        options = train_options([*train.there, *words])
        options.run.folder.mkdir(parents=True, exist_ok=True)
        (options.run.folder / "options.yaml").write_text(as_saved_yaml(options), encoding="utf-8")
        return options

    def train(*words):
        return run(*words)

    train.there = ["--checkpoints_dir", str(tmp_path), "--name", "mine"]
    return train


def test_continuing_takes_everything_that_was_saved(train):
    before = train("--CUT_mode", "FastCUT", "--ngf", "8", "--lr", "0.1", "--no_flip", "--seed", "7", "--dataroot", "d")
    after = train_options([*train.there, "--continue_train"])
    assert after.flat() == before.flat() | {"continue_train": True}
    assert after.changes == () and not before.checkpoints.continue_train


def test_safe_changes_are_taken_and_said(train):
    train("--dataroot", "d")
    after = train_options(
        [*train.there, "--continue_train", "--n_epochs", "300", "--print_freq", "7", "--lambda_NCE", "2"]
    )
    assert after.training.n_epochs == 300 and after.monitoring.print_freq == 7 and after.data.dataroot == "d"
    assert set(after.changes) == {
        "n_epochs is now 300 (it was 200).",
        "print_freq is now 7 (it was 100).",
        "lambda_NCE is now 2.0 (it was 1.0).",
    }


def test_changes_without_sense_are_refused_together(train):
    train()
    words = (
        "--ngf 8 --model cut --direction BtoA --batch_size 2 --seed 1 --gan_mode hinge --nce_layers 0,4 --n_epochs 300"
    )
    with pytest.raises(UserError) as error:
        train_options([*train.there, "--continue_train", *words.split(), "--epoch_count", "5", "--epoch", "20"])
    said = error.value.problems
    assert len(said) == 8
    assert "--ngf is 8, but the run was trained with 64: keep it, or start a new run." in said
    assert any("give --pretrained_name with --epoch" in sentence for sentence in said)
    assert any("--epoch_count must be left out" in sentence for sentence in said)


def test_repeating_the_command_line_is_no_change(train):
    words = ["--CUT_mode", "FastCUT", "--ngf", "8", "--epoch_count", "1"]
    train(*words)
    assert train_options([*train.there, *words, "--continue_train"]).changes == ()


def test_a_run_moved_to_another_name_continues(train, tmp_path):
    train().run.folder.rename(tmp_path / "moved")
    options = train_options(["--checkpoints_dir", str(tmp_path), "--name", "moved", "--continue_train"])
    assert options.run.name == "moved" and options.changes == ()


def test_nothing_to_continue(train, tmp_path):
    train()
    with pytest.raises(UserError, match=r"There is no run mien in .* to continue \(did you mean mine\?\); leave out"):
        train_options(["--checkpoints_dir", str(tmp_path), "--name", "mien", "--continue_train"])
    (tmp_path / "official").mkdir()
    (tmp_path / "official" / "latest_net_G.pth").touch()
    with pytest.raises(UserError, match="has weights but no options.yaml.*--pretrained_name official"):
        train_options(["--checkpoints_dir", str(tmp_path), "--name", "official", "--continue_train"])


def test_the_loss_of_a_model_may_change_and_a_network_may_not(train, register):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class LossOptions:
        lambda_mine: float = option(1.0, "a weight")

    @dataclass(frozen=True)
    class DepthOptions:
        mine_depth: int = option(1, "a depth")

    register(MODELS, "mine", options=LossOptions)
    register(GENERATORS, "mine", options=DepthOptions)
    train("--model", "mine")
    assert train_options([*train.there, "--continue_train", "--lambda_mine", "2"]).changes
    with pytest.raises(UserError, match="--mine_depth is 2"):
        train_options([*train.there, "--continue_train", "--mine_depth", "2"])


def test_translating_reads_the_generator_and_the_size_of_the_run(train):
    train(
        "--ngf",
        "8",
        "--netG",
        "resnet_6blocks",
        "--direction",
        "BtoA",
        "--load_size",
        "70",
        "--crop_size",
        "64",
        "--dataroot",
        "d",
    )
    options = options_to_test(train.there)
    assert options.networks.ngf == 8 and options.networks.netG == "resnet_6blocks"
    assert options.data.direction == "BtoA" and options.data.dataroot == "d"
    assert (options.data.load_size, options.data.crop_size, options.run.phase) == (64, 64, "test")
    assert options_to_test([*train.there, "--load_size", "96"]).data.load_size == 96
    assert options_to_test([*train.there, "--ngf", "16"]).networks.ngf == 16


def test_a_generator_that_is_built_for_a_size_gets_it(train, register):
    register(GENERATORS, "mine", lambda ngf, crop_size: None)
    train("--netG", "mine", "--load_size", "143", "--crop_size", "128")
    options = options_to_test(train.there)
    assert (options.data.load_size, options.data.crop_size) == (128, 128)


def test_a_run_of_the_published_size_is_tested_at_the_published_size(train):
    train()
    options = options_to_test(train.there)
    assert (options.data.load_size, options.data.crop_size) == (256, 256)


def test_images_of_ones_own_keep_their_size(train):
    train()
    words = [*train.there, "--input", "a.png", "--output", "b"]
    assert options_to_test(words).data.preprocess == "none"
    assert options_to_test([*words, "--preprocess", "resize_and_crop"]).data.preprocess == "resize_and_crop"


def test_translating_without_saved_options(tmp_path):
    assert options_to_test(["--checkpoints_dir", str(tmp_path), "--name", "official", "--ngf", "8"]).networks.ngf == 8


def test_the_model_and_its_own_options_come_from_the_run(train, register):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class LossOptions:
        lambda_mine: float = option(1.0, "a weight")

    register(MODELS, "mine", options=LossOptions, defaults={"test": {"preprocess": "none"}})
    train("--model", "mine")
    options = options_to_test([*train.there, "--lambda_mine", "2"])
    assert options.run.model == "mine" and options.data.preprocess == "none"
