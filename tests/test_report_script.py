"""scripts/report.py: which runs it finds, where the table goes, and what it says of runs that it cannot read."""

from pathlib import Path

import pytest

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
        (["a", "--output", "checkpoints/a/options.yaml/table.md"], "options.yaml cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(report, capsys, arguments, sentence):
    record(Path("checkpoints/a"))
    assert report(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1
