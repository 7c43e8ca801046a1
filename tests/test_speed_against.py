"""The comparison of versions: what it runs, and the figures that it makes of it."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import Image

from cut.errors import UserError
from cut.evaluation.translate.trained import trained_generator
from cut.options import test_options
from tests.scripts import load_script

SMALL = ["--netG", "resnet_4blocks", "--ngf", "4", "--load_size", "32", "--crop_size", "32"]


@pytest.fixture
def script():
    return load_script("speed_against")


def test_a_run_to_translate_with(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "TILES", tmp_path / "tiles")
    (tmp_path / "tiles" / "testA").mkdir(parents=True)
    for shade in range(2):
        Image.new("RGB", (40, 40), (shade, 50, 60)).save(tmp_path / "tiles" / "testA" / f"{shade}.png")
    words = [*script.make_test_run(tmp_path, 3, SMALL), *SMALL]
    options = test_options(words)
    assert trained_generator(options, "latest").image_channels == 3
    assert len(list((Path(options.data.dataroot) / "testA").iterdir())) == 3
    with pytest.raises(UserError, match="at least 2"):
        script.make_test_run(tmp_path / "other", 1, SMALL)


def test_starting_is_not_counted(script, monkeypatch):
    now, ran = [0.0], []

    def run(folder, name, words):
        ran.append((folder, name, words))
        now[0] += 7 + 0.5 * int(words[-1])
        return ""

    monkeypatch.setattr(script, "run", run)
    monkeypatch.setattr(script.time, "perf_counter", lambda: now[0])
    assert script.image_figures(11, Path("there"), ["--name", "x"]) == (0.5, None)
    assert [words[-2:] for _, _, words in ran] == [["--num_test", "1"], ["--num_test", "11"]]


def test_options_that_the_earlier_version_lacks_are_for_this_one(script, monkeypatch, capsys):
    seen = []

    def measure(folder, words):
        seen.append((folder == script.ROOT, words))
        return (1.0 if folder == script.ROOT else 3.0), None

    monkeypatch.setattr(script, "checked_out", lambda commit: nullcontext(Path("earlier")))
    script.compare("abc", 1, ["--ngf", "4", "--precision", "bf16"], "image", measure)
    assert seen == [(False, ["--ngf", "4"]), (True, ["--ngf", "4", "--precision", "bf16"])]
    assert "3.000 s and 1.000 s: 3.00 times as fast as abc" in capsys.readouterr().out


def test_a_script_that_fails_is_a_sentence(script, tmp_path):
    (tmp_path / "bad.py").write_text("raise SystemExit('There is no cat.')")
    with pytest.raises(UserError, match=r"bad.py failed in .*: There is no cat."):
        script.run(tmp_path, "bad.py", [])
