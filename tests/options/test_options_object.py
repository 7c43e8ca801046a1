"""The object itself, and its forms as text."""

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from cut.errors import UserError
from cut.options import Options, as_saved_yaml, as_train_opt, as_yaml, train_options
from cut.options import test_options as options_to_test


@pytest.mark.parametrize("parse", [train_options, options_to_test])
def test_pickles_and_cannot_be_changed(parse):
    options = parse(["--CUT_mode", "FastCUT", "--name", "x"])
    assert pickle.loads(pickle.dumps(options)) == options
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.run.name = "y"
    with pytest.raises(TypeError):
        options.own["lambda_GP"] = 3


def test_replace_and_flat():
    options = train_options(["--name", "x"])
    other = options.replace(load_size=100, crop_size=64, lambda_GP=3)
    assert other.data.load_size == 100 and other.own["lambda_GP"] == 3.0 and options.data.load_size == 286
    assert other.flat() == options.flat() | {"load_size": 100, "crop_size": 64, "lambda_GP": 3.0}
    with pytest.raises(UserError, match="load_sise.*did you mean load_size"):
        options.replace(load_sise=3)
    with pytest.raises(UserError, match="ngf is 0 but must be at least 1"):
        options.replace(ngf=0)


def test_small_properties():
    options = train_options(["--nce_layers", "8,0,4", "--name", "x", "--checkpoints_dir", "runs"])
    assert options.method.taps == (8, 0, 4) and options.run.folder == Path("runs/x") and options.is_train
    assert not options_to_test([]).is_train and options_to_test([]).run.phase == "test"


def test_defaults_without_a_command_line():
    assert Options().flat() == {k: v for k, v in train_options([]).flat().items() if k not in train_options([]).own}


@pytest.mark.parametrize("parse", [train_options, options_to_test])
@pytest.mark.parametrize(
    "words", ["", "--CUT_mode FastCUT --name a:b --easy_label 'ü#x' --no_flip --max_dataset_size 3"]
)
def test_yaml_round_trip(parse, words, tmp_path):
    options = parse(words.split())
    file = tmp_path / "o.yaml"
    file.write_text(as_yaml(options), encoding="utf-8")
    assert parse(["--config", str(file)]) == options


def test_saved_yaml_never_continues():
    options = train_options([])
    continued = dataclasses.replace(options, checkpoints=dataclasses.replace(options.checkpoints, continue_train=True))
    assert "continue_train: true" in as_yaml(continued) and "continue_train: false" in as_saved_yaml(continued)


def test_train_opt_has_the_published_form():
    lines = as_train_opt(train_options(["--CUT_mode", "FastCUT", "--lr", "0.1"])).splitlines()
    assert lines[0] == "----------------- Options ---------------"
    assert lines[-1] == "----------------- End -------------------"
    assert lines[1] == "                 CUT_mode: FastCUT                       "
    assert "                       lr: 0.1                           \t[default: 0.0002]" in lines
    assert sum("[default" in line for line in lines) == 1  # the preset's values count as defaults


@pytest.mark.parametrize("words", ["", "--CUT_mode FastCUT", "--help"])
def test_options_are_resolved_without_heavy_packages(words):
    code = (
        "import sys; from cut.options import train_options\n"
        f"try: train_options({words.split()})\n"
        "finally: print(sorted({'torch', 'numpy', 'PIL', 'scipy'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "[]\n")
