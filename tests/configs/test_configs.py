"""Every shipped config can be used by both scripts, and says why."""

from pathlib import Path

import pytest
import torch
import yaml

from cut.data.batch import Batch
from cut.options import test_options as options_to_test
from cut.options import train_options
from cut.registry import MODELS
from cut.training.steps import step_generator

FOLDER = Path(__file__).parents[2] / "configs"
FILES = sorted(file for file in FOLDER.rglob("*.yaml") if file.parent.name != "palettes")
EXPERIMENTS = ("horse2zebra", "cat2dog", "cityscapes", "grumpifycat", "maps")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_both_scripts_take_it(file):
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    flat = train_options(["--config", str(file)]).flat()
    for name, value in values.items():
        taken = flat.get(name, value)
        assert taken == value or str(taken).lower() == str(value).lower(), name
    options_to_test(["--config", str(file)])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_a_value_that_is_no_default_has_its_reason(file):
    model = yaml.safe_load(file.read_text(encoding="utf-8")).get("model", "cut")
    defaults = train_options(["--model", model]).flat()
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            ((name, value),) = yaml.safe_load(line).items()
            if name not in ("CUT_mode", "model") and defaults[name] != value:
                assert "#" in line, f"{file.name}: {line}"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("quickstart*.yaml")), ids=lambda file: file.stem)
def test_a_step_of_a_quickstart(file):
    """On the meta device, where nothing is computed: sizes, taps and numbers of patches fit together."""
    options = train_options(["--config", str(file)])
    method = MODELS[options.run.model].factory(options, "meta")
    side = options.data.crop_size
    batch = Batch(*torch.rand(2, options.data.batch_size, 3, side, side))
    method.train_step(batch, method.draw(batch, step_generator(0, 0), 1, 2, step=method.step_period - 1))


def test_experiments_differ_from_their_preset_only_in_data():
    for name in EXPERIMENTS:
        for mode in ("CUT", "FastCUT"):
            config = train_options(["--config", str(FOLDER / f"{name}_{mode.lower()}.yaml")]).flat()
            preset = train_options(["--CUT_mode", mode]).flat()
            differing = {key for key in config if config[key] != preset[key]}
            assert differing <= {"name", "dataroot", "direction"}


@pytest.mark.parametrize("name", ["horse2zebra", "maps", "cityscapes"])
def test_experiments_of_cyclegan_differ_from_its_defaults_only_in_data(name):
    config = train_options(["--config", str(FOLDER / f"{name}_cyclegan.yaml")]).flat()
    defaults = train_options(["--model", "cycle_gan"]).flat()
    assert {key for key in config if config[key] != defaults[key]} <= {"name", "dataroot", "direction"}


@pytest.mark.parametrize(
    ("name", "model"), [("horse2zebra_gcgan", "gc_gan_cross"), ("horse2zebra_distancegan", "distance_gan")]
)
def test_other_experiments_differ_from_the_defaults_only_in_data(name, model):
    config, defaults = (
        train_options(words).flat() for words in (["--config", str(FOLDER / f"{name}.yaml")], ["--model", model])
    )
    assert {key for key in config if config[key] != defaults[key]} <= {"name", "dataroot"}


def test_the_published_command_of_gcgan():
    flat = train_options(["--config", str(FOLDER / "cityscapes_gcgan.yaml")]).flat()
    published = {
        "batch_size": 12, "no_dropout": True, "load_size": 144, "crop_size": 128, "netG": "resnet_6blocks",
        "lambda_identity": 0.3, "direction": "BtoA", "geometry": "rot", "pool_size": 50, "init_type": "xavier",
    }  # fmt: skip
    assert {name: flat[name] for name in published} == published


@pytest.mark.parametrize(("model", "lengths"), [("dcl", (400, 200, 400)), ("simdcl", (200, 200, 200))])
def test_experiments_of_dclgan_differ_from_its_defaults_only_in_data_and_length(model, lengths):
    defaults = train_options(["--model", model]).flat()
    for name, length in zip(("horse2zebra", "cat2dog", "cityscapes"), lengths, strict=True):
        config = train_options(["--config", str(FOLDER / f"{name}_{model}.yaml")]).flat()
        differing = {key for key in config if config[key] != defaults[key]}
        assert differing <= {"name", "dataroot", "direction", "n_epochs", "n_epochs_decay"}
        assert config["n_epochs"] + config["n_epochs_decay"] == length


@pytest.mark.parametrize("name", ["facades", "maps", "cityscapes", "edges2shoes", "edges2handbags"])
def test_experiments_of_pix2pix_differ_from_its_defaults_only_in_data(name):
    config = train_options(["--config", str(FOLDER / f"{name}_pix2pix.yaml")]).flat()
    defaults = train_options(["--model", "pix2pix"]).flat()
    assert {key for key in config if config[key] != defaults[key]} <= {"name", "dataroot", "direction"}


FOCAL = {"maps_cut_focal": ("maps_cut", 2, 0.25), "maps_cut_focal_g3": ("maps_cut", 3, 0.5),
         "maps_fastcut_focal": ("maps_fastcut", 2, 0.25)}  # fmt: skip


@pytest.mark.parametrize("name", FOCAL)
def test_focal_experiments_differ_from_theirs_only_in_the_loss(name):
    plain, gamma, alpha = FOCAL[name]
    config, base = (train_options(["--config", str(FOLDER / f"{file}.yaml")]).flat() for file in (name, plain))
    focal = {"nce_loss": "focal", "focal_gamma": gamma, "focal_alpha": alpha, "focal_gradient": "constant"}
    assert config | {"name": ""} == base | focal | {"name": ""}


def test_the_preset_is_its_file():
    assert train_options(["--config", str(FOLDER / "fastcut.yaml")]) == train_options(["--CUT_mode", "FastCUT"])


ABLATION = {
    "cut": {},
    "no_identity": {"nce_idt": False},
    "patches_16": {"num_patches": 16},
    "patches_64": {"num_patches": 64},
    "last_tap": {"nce_layers": "16"},
    "batch_of_4": {"batch_size": 4},
    "external_batch": {"batch_size": 4, "nce_includes_all_negatives_from_minibatch": True},
    "external_memory": {"nce_memory": 16},
    "external_only": {"nce_memory": 16, "nce_internal": False},
    "flips": {"flip_equivariance": True},
}


def test_the_ablation_is_complete():
    assert {file.stem for file in (FOLDER / "ablation").glob("*.yaml")} == set(ABLATION)


@pytest.mark.parametrize("name", ABLATION)
def test_each_ablation_changes_what_it_is_about_alone(name):
    config = train_options(["--config", str(FOLDER / f"ablation/{name}.yaml")]).flat()
    defaults = train_options([]).flat()
    changed = {key: config[key] for key in config if config[key] != defaults[key]}
    assert changed == ABLATION[name] | {key: config[key] for key in ("name", "dataroot")}


@pytest.mark.parametrize("file", sorted((FOLDER / "thesis").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_pictures_of_the_thesis_are_trained_as_its_config_says(file):
    config, base = (train_options(["--config", str(one)]).flat() for one in (file, FOLDER / "sincut_thesis.yaml"))
    differing = {key for key in config if config[key] != base[key]}
    assert differing <= {"name", "dataroot", "n_epochs", "n_epochs_decay"}
    assert config["n_epochs"] + config["n_epochs_decay"] == int(file.stem.rpartition("_")[2])
