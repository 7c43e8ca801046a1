"""Defaults < the model's defaults < preset < --config < command line."""

import pytest

from cut.errors import UserError
from cut.models.contrastive_options import ContrastiveOptions
from cut.options import option, train_options
from cut.options import test_options as options_to_test
from cut.options.machinery import layers
from cut.registry import MODELS


@pytest.fixture
def write(tmp_path):
    def to(text, name="mine.yaml"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return str(file)

    return to


def test_each_place_wins_over_the_one_before(register, write):
    register(
        MODELS,
        "mine",
        options=ContrastiveOptions,
        defaults={"train": {"ngf": 8, "ndf": 8, "lr": 1.0, "beta1": 0.1}},
        presets={"FastCUT": "fastcut.yaml"},
    )
    assert train_options([]).networks.ngf == 64
    config = write("model: mine\nndf: 16\nlr: 2\nlambda_NCE: 3\n")
    options = train_options(["--config", config, "--lr", "3", "--CUT_mode", "FastCUT"])
    assert options.networks.ngf == 8  # the model's
    assert options.training.n_epochs == 150  # the preset's
    assert options.discriminator.ndf == 16 and options.method.lambda_NCE == 3  # the config's
    assert options.training.lr == 3  # the command line's


@pytest.mark.parametrize("word", ["FastCUT", "fastcut", "FASTCUT"])
def test_a_preset_comes_from_its_name_alone(word, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--CUT_mode", "CUT"])
    loss = train_options(["--CUT_mode", word]).method
    assert (loss.lambda_NCE, loss.nce_idt, loss.flip_equivariance) == (10.0, False, True)


def test_a_config_may_choose_the_preset(write):
    assert train_options(["--config", write("CUT_mode: fastcut\n")]).training.n_epochs_decay == 50


def test_a_config_of_the_other_preset_is_refused(write):
    config = write("CUT_mode: CUT\nlambda_NCE: 1\n")
    with pytest.raises(
        UserError, match="--CUT_mode FastCUT contradicts CUT_mode in .*mine.yaml, whose other values would win"
    ):
        train_options(["--config", config, "--CUT_mode", "FastCUT"])


def test_one_config_serves_both_scripts(write):
    config = write("ngf: 8\nlr: 0.1\nnum_test: 7\n")
    assert train_options(["--config", config]).training.lr == 0.1
    options = options_to_test(["--config", config])
    assert options.testing.num_test == 7 and options.networks.ngf == 8


def test_yaml_scalars_become_the_options_types(write):
    text = "lr: 2e-4\nmax_dataset_size: inf\nnce_layers: 4\ngpu_ids: -1\nepoch: 20\nlambda_NCE: 2\nno_flip: true\n"
    flat = train_options(["--config", write(text + "display_id: null\nname: 2024\n")]).flat()
    assert flat["lr"] == 2e-4 and flat["max_dataset_size"] == float("inf") and flat["nce_layers"] == "4"
    assert flat["gpu_ids"] == "-1" and flat["epoch"] == "20" and flat["no_flip"] is True and flat["name"] == "2024"
    assert isinstance(flat["lambda_NCE"], float) and flat["display_id"] is None


def test_a_component_brings_its_own_options(register):
    from dataclasses import dataclass

    from cut.registry import GENERATORS

    @dataclass(frozen=True)
    class MineOptions:
        mine_depth: int = option(3, "how deep mine is")

    register(GENERATORS, "mine", options=MineOptions)
    options = train_options(["--netG", "mine", "--mine_depth", "5"])
    assert options.networks.netG == "mine" and options.own["mine_depth"] == 5
    assert options.flat()["mine_depth"] == 5 and options.replace(mine_depth=6).own["mine_depth"] == 6
    assert train_options([]).own["mine_depth"] == 3


def test_two_components_cannot_declare_one_name_differently(register):
    from dataclasses import dataclass

    from cut.registry import GENERATORS

    @dataclass(frozen=True)
    class MineOptions:
        lr: float = option(3.0, "another lr")

    register(GENERATORS, "mine", options=MineOptions)
    with pytest.raises(ValueError, match="the option lr is declared differently"):
        train_options([])


def test_presets_are_found_in_a_clone_and_when_installed(tmp_path, monkeypatch):
    assert (layers.config_folder() / "fastcut.yaml").is_file()
    monkeypatch.setattr(layers, "__file__", str(tmp_path / "cut" / "options" / "machinery" / "layers.py"))
    assert layers.config_folder() == tmp_path / "configs"
    (tmp_path / "cut" / "configs").mkdir(parents=True)
    assert layers.config_folder() == tmp_path / "cut" / "configs"


def test_the_suffix_is_filled_in_once():
    options = train_options(["--name", "a", "--suffix", "{netG}_size{load_size}"])
    assert options.run.name == "a_resnet_9blocks_size286" and options.run.suffix == ""
