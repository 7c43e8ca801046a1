"""Names of files and folders that are not UTF-8: read and written everywhere, and refused as the name of a run."""

import os
import sys
from pathlib import Path

import pytest

import train
from cut.errors import UserError
from cut.evaluation.protocols.dataset_results import translate_dataset
from cut.options import run_script, train_options
from cut.options import test_options as options_to_test
from tests.evaluation.measured_run import TINY
from tests.evaluation.tiny_run import write_image
from tests.scripts import load_script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="file names are text here")
BAD = "caf\udce9"  # as Python holds the bytes of "café" in Latin-1


@pytest.fixture
def place(tmp_path, monkeypatch, extractor) -> Path:
    """The current folder, with a data set of broken names."""
    monkeypatch.chdir(tmp_path)
    for seed, side in enumerate(("trainA", "trainB", "valA", "valB")):
        for name in (f"{BAD}.png", f"{BAD}/a.png", "b.png"):
            write_image(Path(f"data{BAD}") / side / name, seed=seed)
    return tmp_path


def test_a_run_from_its_data_to_its_report(place, capsys):
    folders = ["--checkpoints_dir", f"runs{BAD}", "--name", "a"]
    words = [*TINY, *folders, "--dataroot", f"data{BAD}", "--easy_label", BAD, "--n_epochs", "1"]
    words[words.index("--no_html") : words.index("--no_html") + 1] = ["--update_html_freq", "1", "--tensorboard"]
    assert train.main(train_options(words)) == 0
    assert train.main(train_options([*folders, "--continue_train", "--n_epochs", "2"])) == 0
    assert "off for the rest" not in capsys.readouterr().out
    options = options_to_test([*folders, "--phase", "val", "--results_dir", f"out{BAD}", "--gpu_ids", "-1"])
    assert translate_dataset(options) == 0
    translated = Path(f"out{BAD}/a/val_latest/images/fake_B")
    assert sorted(os.listdir(translated)) == ["b.png", BAD, f"{BAD}.png"]
    assert "caf%E9.png" in (translated.parents[1] / "index.html").read_text()
    evaluate = load_script("evaluate_fid").main
    words = ["--feature_extractor", "colours", "--output", f"scores{BAD}"]
    assert evaluate([f"data{BAD}/valB", str(translated), *words]) == 0
    assert evaluate(["--name", "a", "--checkpoints_dir", f"runs{BAD}", "--gpu_ids", "-1"]) == 0
    Path(f"runs{BAD}/a").rename(f"runs{BAD}/{BAD}")
    outputs = [f"--output=report{BAD}.{suffix}" for suffix in ("md", "html", "png")]
    assert load_script("report").main([f"runs{BAD}/{BAD}", *outputs]) == 0
    assert all(Path(output.split("=")[1]).stat().st_size for output in outputs)


@pytest.mark.parametrize(
    "option", ["name", "suffix", "phase", "epoch", "pretrained_name", "palette", "inception_weights"]
)
def test_what_is_refused_leaves_nothing(place, option, capsys):
    before = sorted(place.rglob("*"))
    words = [*TINY, "--dataroot", f"data{BAD}", "--checkpoints_dir", "new/runs", f"--{option}", BAD]
    if option == "inception_weights":
        words += ["--feature_extractor", "inception"]
    assert run_script(train.main, train_options, words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("words", [["--pretrained_name", "absent"], ["--preprocess", "none", "--batch_size", "2"]])
def test_a_run_that_cannot_begin_leaves_no_folder(place, words, capsys):
    write_image(Path(f"data{BAD}/trainA/large.png"), (48, 40))
    place_of_run = ["--dataroot", f"data{BAD}", "--checkpoints_dir", "new/runs"]
    assert run_script(train.main, train_options, [*TINY, *place_of_run, *words]) == 2
    assert not Path("new").exists()


@pytest.mark.parametrize("value", ['"x\\ud800"', '"x\\0"'])
def test_text_that_no_file_name_can_hold(place, value):
    Path("x.yaml").write_text(f"dataroot: {value}\n")
    with pytest.raises(UserError, match="x.yaml is not valid YAML: .* has a letter that no name can have in line 1"):
        train_options(["--config", "x.yaml"])
