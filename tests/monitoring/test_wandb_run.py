"""What Weights & Biases keeps of a run without a network, and a run without W&B."""

import math
import subprocess
import sys

import pytest
import torch

import train as script
from cut.errors import UserError
from cut.monitoring import make_listeners
from cut.monitoring.wandb_run import WandbRun
from cut.options import train_options
from cut.training.evaluation import Evaluation
from cut.training.listener import EvaluationEvent, RunFacts
from tests.evaluation.tiny_run import TINY_OPTIONS, write_image
from tests.monitoring.miniature import preview_event, progress_at, train
from tests.monitoring.wandb_file import kept

OFTEN = ("--print_freq", "2", "--display_freq", "4")


@pytest.fixture(autouse=True)
def without_network(monkeypatch):
    pytest.importorskip("wandb", reason="the package wandb is optional, and not installed here")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)


@pytest.fixture
def run(make_options, tmp_path):
    """`run(steps, resumed_at=…)`: a run in miniature to its end; returns what each process so far kept."""

    def take(steps, *words: str, resumed_at: int = 0):
        listener = WandbRun(say=lambda text: None)
        train(listener, make_options(*OFTEN, *words), steps, resumed_at=resumed_at)
        listener.finish(progress_at(max(steps)))
        return kept(tmp_path / "run")

    return take


def test_values_are_kept_when_due_over_the_images_seen(run):
    (one,) = run(range(1, 6))
    assert one.finished and one.project == "cut" and list(one.rows) == [2, 4]
    values = {
        "losses/G_GAN": 0.25,
        "losses/NCE": 0.5,
        "training/learning rate": 2e-4,
        "training/images per second": 1.6,
    }
    assert values.items() <= one.rows[4].items() and one.rows[2]["losses/NCE"] == 0.25


def test_pictures_are_files_of_their_size(run):
    (one,) = run(range(1, 6))
    row = one.rows[4]
    assert [row[f"images/{label}.{side}"] for label in ("real_A", "fake_B") for side in ("width", "height")] == [
        8,
        6,
    ] * 2


def test_measures_and_previews_are_kept(make_options, tmp_path):
    listener = WandbRun(say=lambda text: None)
    listener.start(make_options(), progress_at(0), RunFacts(best_metric="frechet"))
    listener.after_preview(preview_event(0, ("a.png", "b.png")))
    measured = Evaluation(
        5, 50, 50, {"frechet": 82.5, "kernel": math.nan}, {"kernel": 0.001}, {"extractor": "Inception"}
    )
    listener.after_evaluation(EvaluationEvent(progress_at(50), measured, measured, "frechet"))
    listener.finish(progress_at(50))
    (one,) = kept(tmp_path / "run")
    assert one.rows[0]["previews.width"] == 10
    assert one.rows[50]["measures/FID"] == 82.5 and math.isnan(one.rows[50]["measures/KID"])
    assert one.rows[50]["measures/KID: standard deviation"] == 0.001 and one.rows[50]["epoch"] == 5


def test_options_are_the_configuration(run, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    (one,) = run(range(1, 3), "--lr", "0.003", "--CUT_mode", "FastCUT")
    assert one.project == "mine"
    assert one.config["lr"] == 0.003 and one.config["method"] == "FastCUT" and one.config["seed"] == 0


def test_a_continued_run_is_the_same_run_and_a_new_one_is_not(run):
    first = run(range(1, 9))[-1]
    second = run(range(9, 13), resumed_at=8)[-1]
    assert first.id == second.id and list(second.rows) == [10, 12]
    assert run(range(1, 3))[-1].id != first.id


def test_where_it_is_is_said(make_options):
    said = []
    listener = WandbRun(said.append)
    listener.start(make_options(), progress_at(0), RunFacts())
    listener.finish(progress_at(0))
    (sentence,) = said
    assert sentence.startswith("W&B records without a network; wandb sync ") and "offline-run-" in sentence


def test_a_real_run_with_it_gives_the_weights_of_one_without(tmp_path, capfd):
    for seed, side in enumerate(("trainA", "trainB")):
        write_image(tmp_path / side / "a.png", (24, 20), seed=seed)
    place = ["--dataroot", str(tmp_path), "--checkpoints_dir", str(tmp_path), *TINY_OPTIONS, "--no_html"]
    place += ["--load_size", "20", "--crop_size", "16", "--n_epochs_decay", "0", "--print_freq", "1", "--quiet"]
    assert script.main(train_options(["--name", "plain", *place, "--n_epochs", "2"])) == 0
    assert script.main(train_options(["--name", "tracked", *place, "--n_epochs", "1", "--wandb"])) == 0
    first = kept(tmp_path / "tracked")[-1]
    again = ["--name", "tracked", "--checkpoints_dir", str(tmp_path), "--continue_train", "--n_epochs", "2"]
    assert script.main(train_options(again)) == 0
    second = kept(tmp_path / "tracked")[-1]
    assert first.id == second.id and [*first.rows, *second.rows] == [0, 1, 2]
    out, err = capfd.readouterr()
    assert "off for the rest" not in out and "wandb:" not in out + err
    plain, tracked = (torch.load(tmp_path / name / "latest_net_G.pth") for name in ("plain", "tracked"))
    assert all(torch.equal(plain[name], tracked[name]) for name in plain)


def test_without_an_account_a_run_that_asks_for_it_does_not_begin(tmp_path):
    environment = {"WANDB_MODE": "online", "HOME": str(tmp_path), "NETRC": str(tmp_path / "none")}
    command = (
        "import sys; from cut.errors import exit_status; from cut.monitoring.wandb_run import WandbRun; "
        "sys.exit(exit_status(WandbRun))"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.stderr.startswith("--wandb: No API key configured.") and "WANDB_MODE=offline" in done.stderr
    assert done.returncode and done.stderr.count("\n") == 1


def test_without_the_package_a_run_that_asks_for_it_does_not_begin(make_options, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    make_listeners(make_options())
    with pytest.raises(UserError, match="^--wandb needs the package wandb, .*: pip install '.\\[wandb\\]'$"):
        make_listeners(make_options("--wandb"))


def test_it_is_not_imported_unasked():
    command = "import sys, cut.monitoring, cut.api.training_run; assert 'wandb' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], check=True)
