"""scripts/visualize.py: the picture, the maps as numbers, and sentences for bad input."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.images import read_image, to_tensor
from cut.options import train_options
from cut.options.machinery.printing import as_yaml
from tests.contrastive_run import save_contrastive_run
from tests.evaluation.tiny_run import write_image
from tests.scripts import load_script


@pytest.fixture
def visualize(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Path("in/a.png"), (24, 20))
    write_image(Path("in/b.png"), (24, 20), seed=1)
    model = save_contrastive_run(Path("checkpoints/tiny"))

    def call(*words):
        return load_script("visualize").main(["--name", "tiny", "--gpu_ids", "-1", *words])

    call.model = model
    return call


def test_the_maps_are_those_of_the_formula(visualize):
    assert visualize("--input", "in", "--points", "3,4", "20,10", "--arrays", "maps.npz") == 0
    assert Image.open("results/tiny/similarity.png").width > 300
    maps = np.load("maps.npz")
    assert maps["points"].tolist() == [[3, 4], [20, 10]] and set(maps) == {"points", "tap_0", "tap_4", "tap_8"}
    image = to_tensor(read_image("in/a.png", 3), 3)[None]  # 20 and 24 are multiples of 4: nothing is padded
    model = visualize.model
    model.networks.eval()
    with torch.no_grad():
        features = [model.G.encode(one, (0, 4, 8)) for one in (model.G(image), image)]
        query, key = (model.F(taps, [torch.arange(tap[0, 0].numel()) for tap in taps]) for taps in features)
    height, width = features[0][1].shape[2:]
    assert (height, width) == (20, 24)
    logits = key[1][0] @ query[1][0][4 * width + 3] / 0.07
    expected = torch.exp(logits - logits.max()).view(height, width)
    np.testing.assert_allclose(maps["tap_4"][0], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--input", "in/a.png", "--points", "24,3"], "--points 24,3: outside the image of 24×20 pixels"),
        (["--input", "in/a.png", "--points", "2,2", "-3,5"], "--points -3,5: outside the image of 24×20 pixels"),
        (["--input", "in/a.png", "--temperature", "0"], "--temperature is 0 but must be above 0."),
        (["--input", "in/a.png", "--points", "x"], "--points x is no point: write X,Y in pixels"),
        (["--input", "nowhere.png"], "--input nowhere.png does not exist."),
        (["--input", "in/a.png", "--output", "x.txt"], "--output x.txt must end in .png."),
        (["--input", "in/a.png", "--arrays", "x.npz"], "--arrays holds the maps of --points"),
        (["--input", "in/a.png", "--size", "600"], "is too large for its vectors"),
        (["--input", "in/a.png", "--epoch", "7"], "--epoch 7 was not saved"),
    ],
)
def test_bad_input_is_one_sentence(visualize, capsys, words, sentence):
    assert visualize(*words) == 2
    assert sentence in capsys.readouterr().err and not Path("results").exists()


def test_a_run_of_another_method_is_refused(visualize, capsys):
    options = train_options(["--dataroot", "x", "--name", "cycle", "--model", "cycle_gan", "--gpu_ids", "-1"])
    Path("checkpoints/cycle").mkdir()
    Path("checkpoints/cycle/options.yaml").write_text(as_yaml(options), encoding="utf-8")
    assert visualize("--name", "cycle", "--input", "in/a.png") == 2
    assert "cycle was trained by --model cycle_gan, but only cut and sincut have" in capsys.readouterr().err


def test_a_larger_temperature_shows_more(visualize):
    for number, temperature in enumerate(("0.07", "0.7")):
        words = ["--temperature", temperature, "--arrays", f"{number}.npz"]
        assert visualize("--input", "in/a.png", "--points", "3,4", *words) == 0
    small, large = (np.load(f"{number}.npz")["tap_4"] for number in range(2))
    np.testing.assert_allclose(large, small**0.1, rtol=1e-3, atol=1e-6)


def test_a_run_without_head_is_refused(visualize, capsys):
    Path("checkpoints/tiny/latest_net_F.pth").unlink()
    assert visualize("--input", "in/a.png") == 2 and "F" in capsys.readouterr().err
