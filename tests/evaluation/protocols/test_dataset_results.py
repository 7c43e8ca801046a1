"""The papers' protocol: which files come out, and what they hold."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.images import to_8bit
from cut.data.loader import make_dataset
from cut.errors import RunFailed, UserError
from cut.evaluation.protocols.dataset_results import translate_dataset
from cut.evaluation.translate.trained import load_translator
from cut.training.interrupt import StopRequest
from tests.evaluation.tiny_run import save_generator, write_image

ROOT = Path(__file__).parents[3]
PROTOCOL = ["--dataroot", "data", "--load_size", "32", "--crop_size", "32"]


@pytest.fixture
def data(workplace):
    """Five images to translate, in sub-folders, two of them with the same name; three targets."""
    for index, name in enumerate(["a/x.png", "b/x.png", "b/y.jpg", "b/y.png", "z & <z>.png"]):
        write_image(Path("data/testA") / name, seed=index)
    for index in range(3):
        write_image(Path("data/testB") / f"{index}.png", seed=10 + index)
    return workplace


def pictures(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.png"))


def pixels(path):
    return np.asarray(Image.open(path))


NAMES = ["a/x.png", "b/x.png", "b/y.jpg.png", "b/y.png.png", "z & <z>.png"]


def test_every_image_comes_out_once_under_its_name(data, capsys):
    options = data(*PROTOCOL)
    assert translate_dataset(options) == 0
    results = Path("results/tiny/test_latest")
    for label in ("real_A", "fake_B", "real_B"):
        assert pictures(results / "images" / label) == NAMES
    assert "z &amp; &lt;z&gt;" in (results / "index.html").read_text()
    assert "5 of 5 images translated: results/tiny/test_latest/index.html" in capsys.readouterr().out


def test_pictures_are_the_preprocessed_source_and_its_translation(data):
    options = data(*PROTOCOL)
    translate_dataset(options)
    sample, translate = make_dataset(options)[1, 0], load_translator(options)
    images = Path("results/tiny/test_latest/images")
    assert pixels(images / "real_A/a/x.png").shape == (32, 32, 3)
    assert np.array_equal(pixels(images / "real_A/a/x.png"), to_8bit(sample.source))
    assert np.array_equal(pixels(images / "real_B/a/x.png"), to_8bit(sample.target))
    with torch.no_grad():
        expected = translate.generator(sample.source[None])[0]
    assert np.array_equal(pixels(images / "fake_B/a/x.png"), to_8bit(expected))


def test_no_target_folder_is_needed(data):
    for file in Path("data/testB").iterdir():
        file.unlink()
    Path("data/testB").rmdir()
    assert translate_dataset(data(*PROTOCOL)) == 0
    assert sorted(os.listdir("results/tiny/test_latest/images")) == ["fake_B", "real_A"]


def test_the_other_direction_translates_domain_b(data):
    translate_dataset(data(*PROTOCOL, "--direction", "BtoA"))
    assert pictures("results/tiny/test_latest/images/fake_B") == ["0.png", "1.png", "2.png"]


def test_phase_and_epoch_name_the_folder_and_num_test_ends_early(data):
    save_generator(Path("checkpoints/tiny"), label="20")
    Path("data/testA").rename("data/trainA")
    translate_dataset(data(*PROTOCOL, "--phase", "train", "--epoch", "20", "--num_test", "2", "--results_dir", "out"))
    assert pictures("out/tiny/train_20/images/fake_B") == ["a/x.png", "b/x.png"]


def test_results_of_an_earlier_longer_run_are_mentioned(data, capsys):
    translate_dataset(data(*PROTOCOL))
    assert "earlier run" not in capsys.readouterr().out
    translate_dataset(data(*PROTOCOL, "--num_test", "2"))
    assert "fake_B also holds 3 images of an earlier run." in capsys.readouterr().out


def test_train_mode_unless_eval_is_given(workplace):
    save_generator(Path("checkpoints/tiny"), ["--normG", "batch"])
    assert load_translator(workplace("--normG", "batch", "--dataroot", "data")).training
    assert not load_translator(workplace("--normG", "batch", "--dataroot", "data", "--eval")).training


def test_grayscale_in_and_out(data):
    channels = ["--input_nc", "1", "--output_nc", "1"]
    save_generator(Path("checkpoints/tiny"), channels)
    translate_dataset(data(*PROTOCOL, *channels))
    assert Image.open("results/tiny/test_latest/images/fake_B/a/x.png").mode == "L"


def test_a_file_that_turns_out_damaged_is_named_at_the_end(data, monkeypatch):
    file = Path("data/testA/b/x.png")
    content = file.read_bytes()
    file.write_bytes(content[:200] + bytes(100) + content[300:])  # header and ending are sound
    with pytest.raises(UserError) as error:
        translate_dataset(data(*PROTOCOL))
    assert error.value.problems[0] == "1 of 5 images were not translated:"
    assert len(error.value.problems) == 2 and "b/x.png" in error.value.problems[1]
    assert pictures("results/tiny/test_latest/images/fake_B") == [name for name in NAMES if name != "b/x.png"]


def test_an_interrupt_ends_after_the_image_at_hand(data, monkeypatch):
    monkeypatch.setattr(StopRequest, "__enter__", lambda self: setattr(self, "received", 15) or self)
    assert translate_dataset(data(*PROTOCOL)) == 143
    assert pictures("results/tiny/test_latest/images/fake_B") == ["a/x.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch", "7"], "--epoch 7 was not saved in checkpoints/tiny: there are latest"),
        (["--ngf", "8"], "another architecture"),
        (["--dataroot", "nowhere"], "There is no folder nowhere"),
        (["--phase", "extra"], "has no folder extraA"),
        (["--name", "absent"], "holds no weights of G"),
        (["--results_dir", "data/testA/a/x.png/results"], "cannot be made"),
    ],
)
def test_bad_input_is_refused_before_the_first_image(data, arguments, message):
    with pytest.raises(UserError, match=message) as error:
        translate_dataset(data(*PROTOCOL, *arguments))
    assert len(str(error.value).splitlines()) <= 10
    assert not Path("results").exists()


def test_unreadable_headers_are_refused_before_the_first_image_when_strict(data):
    Path("data/testA/bad.png").write_text("no image")
    Path("data/testB/empty.jpg").touch()
    with pytest.raises(UserError) as error:
        translate_dataset(data(*PROTOCOL, "--strict"))
    assert len(error.value.problems) == 2 and not Path("results").exists()


def test_a_target_that_cannot_be_read_costs_no_translation(data):
    Path("data/testA/bad.png").write_text("no image")
    Path("data/testB/0.png").write_text("no image")
    with pytest.raises(RunFailed) as error:
        translate_dataset(data(*PROTOCOL))
    first, bad, second, target = error.value.problems
    assert first == "1 of 6 images were not translated:" and "testA/bad.png" in bad
    assert second == "1 target could not be read:" and "testB/0.png" in target
    results = Path("results/tiny/test_latest/images")
    assert pictures(results / "fake_B") == NAMES and "a/x.png" not in pictures(results / "real_B")


def test_the_published_command_line_runs_as_a_script(data):
    command = ["--dataroot", "./data", "--name", "tiny", "--CUT_mode", "CUT", "--netG", "resnet_4blocks"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def run(*more):
        return subprocess.run(
            [sys.executable, ROOT / "test.py", *command, *more], capture_output=True, text=True, env=environment
        )

    good = run("--ngf", "4", "--load_size", "32", "--crop_size", "32")
    assert good.returncode == 0, good.stderr
    assert pictures("results/tiny/test_latest/images/fake_B") == NAMES
    bad = run("--ngf", "8")
    assert bad.returncode == 2 and "Traceback" not in bad.stderr and len(bad.stderr.splitlines()) <= 10
