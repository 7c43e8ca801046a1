"""scripts/report.py: which runs it finds, where the table goes, and what it says of runs that it cannot read."""

import sys
from pathlib import Path

import pytest

from tests.evaluation.measured_run import data, extractor, trained  # noqa: F401 fixtures
from tests.monitoring.recorded_runs import record
from tests.scripts import load_script

SCRIPT = Path(__file__).parents[1] / "scripts" / "report.py"


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_script("report").main


def test_runs_by_name_or_folder_each_once(report, capsys):
    record(Path("checkpoints/a"))
    record(Path("elsewhere/b"), "--seed", "1")
    assert report(["a", "elsewhere/b", "checkpoints/a/", "--checkpoints_dir", "./checkpoints"]) == 0
    assert "| CUT | a, b | 0, 1 | 4 |" in capsys.readouterr().out


def test_it_writes_both_forms(report, capsys):
    record(Path("checkpoints/a"), measures={4: {"frechet": 91.44}}, best=[4])
    assert report(["a", "--output", "table.md", "--output", "table.html"]) == 0
    assert Path("table.md").read_text(encoding="utf-8") == capsys.readouterr().out
    page = Path("table.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "91.44" in page


def test_curves_are_a_picture_or_a_sentence(report, capsys):
    record(Path("checkpoints/a"), measures={4: {"frechet": 91.44}})
    assert report(["a", "--output", "curves.png"]) == 0 and Path("curves.png").read_bytes().startswith(b"\x89PNG")
    record(Path("checkpoints/b"))
    assert report(["b", "--output", "none.png"]) == 2 and not Path("none.png").exists()
    assert "nothing was measured in these runs" in capsys.readouterr().err


def test_losses_are_a_picture_or_a_sentence(report, capsys):
    record(Path("checkpoints/a"), "--print_freq", "1", losses=[{"G": 3.0}, {"G": 2.0}])
    assert report(["a", "--losses", "l.png"]) == 0 and Path("l.png").read_bytes().startswith(b"\x89PNG")
    record(Path("checkpoints/b"))
    assert report(["b", "--losses", "none.png"]) == 2
    assert "none.png is not written: nothing was logged in these runs" in capsys.readouterr().err


def test_a_page_has_the_curves(report):
    measures = {epoch: {"frechet": 10.0 * epoch} for epoch in (2, 4)}
    record(Path("checkpoints/a"), "--print_freq", "1", measures=measures, losses=[{"G": 3.0}, {"G": 2.0}])
    assert report(["a", "--output", "runs.html"]) == 0
    page = Path("runs.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2 and "<h2>Losses</h2>" in page


def test_a_page_without_matplotlib_has_its_table(report, capsys, monkeypatch):
    record(Path("checkpoints/a"), measures={4: {"frechet": 10.0}})
    for module in [name for name in sys.modules if name.startswith("matplotlib")] + ["matplotlib.backends.backend_agg"]:
        monkeypatch.setitem(sys.modules, module, None)
    assert report(["a", "--output", "runs.html"]) == 1
    assert "No curve was drawn without matplotlib" in capsys.readouterr().err
    assert "10.0" in Path("runs.html").read_text(encoding="utf-8")


def test_the_images_with_the_largest_error(report, data, capsys):  # noqa: F811
    folder = trained(data, "run")
    files = ["--output", "worst.md", "--output", "worst.html"]
    assert report([str(folder), "--worst", "3", "--gpu_ids", "-1", *files]) == 0
    said = capsys.readouterr().out
    assert "Largest errors of run, latest (epoch 2). The 3 of 4 images of val" in said
    assert Path("worst.md").read_text(encoding="utf-8").endswith(said[said.index("Largest errors") :])
    page = Path("worst.html").read_text(encoding="utf-8")
    assert page.count("<figcaption>translation</figcaption>") == 3


def test_a_run_without_weights_does_not_hide_the_others(report, data, capsys):  # noqa: F811
    folder = trained(data, "run")
    record(Path("checkpoints/b"))
    assert report([str(folder), "b", "--worst", "1", "--gpu_ids", "-1"]) == 1
    said = capsys.readouterr()
    assert "Largest errors of run" in said.out and "b holds no weights of a generator" in said.err


def test_one_bad_run_does_not_hide_the_others(report, capsys):
    record(Path("checkpoints/a"))
    (record(Path("checkpoints/b")) / "metrics.jsonl").write_text("\n")
    assert report(["a", "b", "aa"]) == 1
    said = capsys.readouterr()
    assert "| CUT | a | 0 | 4 |" in said.out
    assert "b/metrics.jsonl is not the log of a run" in said.err and "did you mean a?" in said.err
    assert len(said.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "There is no run in checkpoints/nowhere: it has no options.yaml."),
        (["a", "--output", "table.txt"], "--output table.txt must end in .md, .html or .png."),
        (["a", "--losses", "l.svg"], "--losses l.svg must end in .png."),
        (["a", "--worst", "-1"], "--worst is -1 but must be at least 0."),
        (["a", "--output", "checkpoints/a/options.yaml/table.md"], "options.yaml cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(report, capsys, arguments, sentence):
    record(Path("checkpoints/a"))
    assert report(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1
