"""Training ends when no epoch gets better, in the same place after any stop, and says so."""

import math

import pytest
import torch

import train
from cut.errors import UserError
from cut.evaluation.evaluator import GeneratorEvaluator
from cut.options.outputs import EvaluationOptions
from cut.training.checkpoints import RunFolder
from cut.training.early_stopping import early_stop
from cut.training.evaluation import Evaluation
from cut.training.saved_state import TrainingState
from tests.evaluation.measured_run import options_of

OPTIONS = EvaluationOptions(early_stopping=2)
VALUES = {1: 9.0, 2: 5.0, 3: 6.0, 4: 5.0, 5: 1.0, 6: 1.0}


def state_of(values, epoch=None, **fields):
    rows = [vars(Evaluation(number, 0, 0, {"frechet": value})) for number, value in values.items()]
    return TrainingState(epoch=(epoch or max(values)) + 1, evaluations=rows, **fields)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ({1: 3.0, 2: 4.0}, False),
        ({1: 3.0, 2: 4.0, 3: 3.0}, True),  # an equal one is no better
        ({1: 3.0, 2: 4.0, 3: 2.0}, False),
        ({1: math.nan, 2: math.nan, 3: math.nan}, True),
        ({1: math.nan, 2: 7.0, 3: math.nan}, False),
        ({5: 3.0, 10: 4.0}, True),  # epochs count, not measurements
        ({}, False),
    ],
)
def test_when_training_ends(values, ends):
    assert bool(early_stop(OPTIONS, state_of(values or {1: 0.0}) if values else TrainingState())) == ends
    assert early_stop(EvaluationOptions(), state_of(values) if values else TrainingState()) is None


def test_only_at_the_end_of_an_epoch_and_among_equal_conditions():
    assert early_stop(OPTIONS, state_of({1: 3.0, 4: 4.0}, epoch_steps=1)) is None
    state = state_of({1: 3.0, 4: 4.0})
    state.evaluations[0]["details"] = {"real_count": 7}
    assert early_stop(OPTIONS, state) is None


def test_it_needs_measures(data):
    with pytest.raises(UserError, match="--early_stopping waits for a better measure, and --evaluation_epoch_freq 0"):
        options_of(data, "run", "--early_stopping", "3", "--evaluation_epoch_freq", "0")


@pytest.fixture
def planned(monkeypatch):
    """Measurements of the epochs with planned values."""
    evaluate = GeneratorEvaluator.evaluate

    def as_planned(self, progress, *more):
        found = evaluate(self, progress, *more)
        return Evaluation(**{**vars(found), "measures": {"frechet": VALUES[progress.epoch]}})

    monkeypatch.setattr(GeneratorEvaluator, "evaluate", as_planned)


def test_a_run_ends_early_and_a_continued_one_in_the_same_place(data, planned, capsys):
    words = ["--n_epochs", "6", "--early_stopping", "2"]
    whole, parts = ("whole", *words), ("parts", *words)
    assert train.main(options_of(data, *whole)) == 0
    said = capsys.readouterr().out
    assert "Training ends early, after epoch 4: 2 epochs brought no better FD (Colours) than 5.000 of epoch 2" in said
    assert "best (epoch 2)" in said
    assert train.main(options_of(data, "parts", "--n_epochs", "3", "--early_stopping", "2")) == 0
    assert train.main(options_of(data, *parts, "--continue_train")) == 0
    folders = [RunFolder(data / "checkpoints" / name) for name in ("whole", "parts")]
    assert [folder.saved_state().epoch for folder in folders] == [5, 5]
    first, second = (torch.load(folder.folder / "latest_net_G.pth") for folder in folders)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert train.main(options_of(data, *whole, "--continue_train")) == 0  # nothing is left to do
    assert folders[0].saved_state().epoch == 5
