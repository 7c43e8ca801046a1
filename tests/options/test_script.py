"""What a person at a terminal sees."""

import pytest
import yaml

from cut.errors import UserError
from cut.options import run_script, train_options
from cut.options import test_options as options_to_test
from cut.registry import DATASETS


def never(options):
    raise AssertionError("the run must not start")


def test_problems_go_to_stderr_without_traceback(capsys):
    assert run_script(never, train_options, ["--lr", "-1", "--nonsense", "3"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 3 and "Traceback" not in said.err


def test_a_problem_of_the_run_too(capsys):
    def main(options):
        raise UserError("The folder is empty; put images there.")

    assert run_script(main, train_options, ["--dataroot", "d"]) == 2
    assert capsys.readouterr().err == "The folder is empty; put images there.\n"


@pytest.mark.parametrize("parse", [train_options, options_to_test])
def test_dry_run_prints_yaml_and_touches_nothing(parse, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_script(never, parse, ["--dry_run", "--CUT_mode", "fastcut"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["CUT_mode"] == "FastCUT" and printed["lambda_NCE"] == 10.0 and "dry_run" not in printed
    assert list(tmp_path.iterdir()) == []


def test_the_exit_status_is_the_runs():
    assert run_script(lambda options: None, train_options, ["--dataroot", "d"]) == 0
    assert run_script(lambda options: 130, train_options, ["--dataroot", "d"]) == 130


def test_help_shows_groups_choices_and_defaults(register, capsys):
    register(DATASETS, "my_pairs")
    with pytest.raises(SystemExit) as end:
        train_options(["--help", "--CUT_mode", "FastCUT"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert "Which generator is trained, how large it is, and its initial weights:" in text
    assert "my_pairs" in text and "[10.0]" in text and "--lambda_GP" in text and "--num_test" not in text
    with pytest.raises(SystemExit):
        options_to_test(["-h"])
    text = capsys.readouterr().out
    assert "--num_test" in text and "--lr " not in text
