"""test.py with several translations of an image, and with an image that gives the style."""

import numpy as np
import pytest
from PIL import Image

from cut.errors import UserError
from cut.evaluation.protocols.dataset_results import translate_dataset
from cut.evaluation.protocols.own_images import translate_files
from cut.options import test_options as options_to_test
from tests.evaluation.protocols.test_two_ways import names, save_run, words  # noqa: F401 a fixture

SMALL = {
    "munit": ["--dim", "2", "--dis_dim", "2", "--mlp_dim", "8", "--n_res", "1", "--crop_size", "64"],
    "drit": ["--width", "2", "--load_size", "216", "--crop_size", "212"],
}


@pytest.fixture(params=SMALL)
def run(request, tmp_path):
    """The folder of a run of each method."""
    save_run(tmp_path, "--model", request.param, *SMALL[request.param], sizes=())
    return tmp_path


def test_each_image_gets_so_many_translations(run, words, capsys):  # noqa: F811
    several = [*words, "--num_style", "3", "--load_size", "32", "--crop_size", "32"]
    assert translate_dataset(options_to_test(several)) == 0
    folder = run / "results" / "run" / "test_latest"
    labels = ("real_A", "real_B", "fake_B", "fake_B_2", "fake_B_3")
    assert names(folder) == {label: ["A0.png", "A1.png"] for label in labels}
    translations = [np.array(Image.open(folder / "images" / label / "A0.png")) for label in ("fake_B", "fake_B_2")]
    assert translations[0].shape == (32, 32, 3) and (translations[0] != translations[1]).any()
    assert "fake_B_3" in (folder / "index.html").read_text()


def test_own_images_are_numbered_and_the_first_is_the_one_of_a_single_style(run, words):  # noqa: F811
    one = ["--input", str(run / "data" / "testA" / "A0.png"), "--output"]
    assert translate_files(options_to_test([*words, *one, str(run / "one.png")])) == 0
    assert translate_files(options_to_test([*words, *one, str(run / "several"), "--num_style", "2"])) == 0
    assert sorted(file.name for file in (run / "several").iterdir()) == ["A0_1.png", "A0_2.png"]
    first, alone = (np.array(Image.open(run / file)) for file in ("several/A0_1.png", "one.png"))
    assert (first == alone).all()


def test_a_result_of_a_style_does_not_overwrite_an_input(run, words):  # noqa: F811
    folder = run / "data" / "testA"
    (folder / "A0.png").rename(folder / "A1_2.png")
    given = ["--input", str(folder / "A1_2.png"), "--output", str(folder / "A1.png"), "--num_style", "2"]
    with pytest.raises(UserError, match="A1_2.png would overwrite an input"):
        translate_files(options_to_test([*words, *given]))


def test_the_style_of_an_image(run, words):  # noqa: F811
    given = ["--input", str(run / "data" / "testA" / "A0.png"), "--style"]
    results = []
    for number, style in enumerate(("testB/B0.png", "testB/B1.png", "testB/B0.png")):
        output = ["--output", str(run / f"{number}.png"), "--load_size", "40", "--seed", str(number)]
        assert translate_files(options_to_test([*words, *given, str(run / "data" / style), *output])) == 0
        results.append(np.array(Image.open(run / f"{number}.png")).astype(int))
    assert (results[0] == results[2]).all() and results[0].shape == (32, 32, 3)
    with pytest.raises(UserError, match="missing.png cannot be read"):
        translate_files(options_to_test([*words, *given, "missing.png", "--output", str(run / "x.png")]))
