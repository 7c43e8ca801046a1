"""scripts/level.py: it tells a generator that sees the level from one that does not."""

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.tiny_run import ARCHITECTURE, save_generator
from tests.scripts import load_script


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run("--normG", "layer")`: the output of the script for a generator with fresh weights, and its status."""
    monkeypatch.chdir(tmp_path)

    def call(words, norm):
        folder = tmp_path / "checkpoints/tiny"
        save_generator(folder, ["--normG", norm, "--init_gain", "1"])
        lines = [f"{ARCHITECTURE[i][2:]}: {ARCHITECTURE[i + 1]}" for i in range(0, len(ARCHITECTURE), 2)]
        (folder / "options.yaml").write_text("\n".join([*lines, f"normG: {norm}", "crop_size: 16", ""]))
        return load_script("level").main(["--name", "tiny", *words])

    return call


@pytest.mark.parametrize(("norm", "sees"), [("instance", False), ("layer", True), ("none", True)])
def test_it_tells_who_sees_the_level(run, capsys, tmp_path, norm, sees):
    assert run(["--colors", "black,#804020,white", "--size", "16", "--output", "level.png"], norm) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and lines[2].startswith("128,  64,  32")
    assert lines[-1].endswith("sees the level of its input." if sees else "does not see the level of its input.")
    picture = np.asarray(Image.open(tmp_path / "level.png"))
    assert picture.shape == (32, 48, 3) and (picture[0, 20] == (128, 64, 32)).all()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--colors", "blau"], "--colors 'blau' is not a colour"), (["--output", "x.txt"], "must end in .png")],
)
def test_bad_input_is_one_sentence(run, capsys, words, sentence):
    assert run(words, "layer") == 2 and sentence in capsys.readouterr().err
