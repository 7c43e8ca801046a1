"""What a measurement says, and when the loop asks for one: with a model and an evaluator in miniature."""

import json
import math
import os
import signal
from dataclasses import asdict, dataclass, field, replace

import pytest
import torch

from cut.errors import UserError
from cut.training.checkpoints import RunFolder
from cut.training.evaluation import Evaluation, best_evaluation
from cut.training.evaluation_table import (
    alike_message,
    describe_measures,
    evaluation_table,
    last_and_best,
    measure_columns,
    significant,
    unaveraged_columns,
)
from tests.training.miniature import Model, Recorder, trainer, weight_of

NEVER = ["--save_latest_freq", "0", "--save_epoch_freq", "0"]
SIX = [*NEVER, "--n_epochs", "6", "--n_epochs_decay", "0"]


def measured(epoch: int, **measures: float) -> Evaluation:
    return Evaluation(epoch, images=5 * epoch, step=5 * epoch, measures=measures, details={"extractor": "Inception"})


@dataclass
class Fake:
    """An evaluator that finds `values` by epoch; an exception among them is raised, and None means stopped."""

    values: dict
    best_metric: str = "frechet"
    asked: list[int] = field(default_factory=list)
    count: int = 4
    extractor: str = "Inception"

    def evaluate(self, progress, stopped):
        self.asked.append(progress.epoch)
        value = self.values.get(progress.epoch, 100.0)
        if isinstance(value, Exception):
            raise value
        if callable(value):
            value = value()
        if value is None or stopped():
            return None
        measures = {self.best_metric: value}
        details = {"real_count": self.count, "fake_count": self.count, "extractor": self.extractor}
        return Evaluation(progress.epoch, progress.images, progress.step, measures, details=details, seconds=0.25)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tiny"


def run(folder, *arguments, evaluator, **more) -> Recorder:
    recorder = Recorder()
    assert trainer(folder, *arguments, listeners=[recorder], evaluator=evaluator, **more).run() == 0
    return recorder


def resumed(folder):
    model = Model()
    return {"model": model, "state": RunFolder(folder).load(model)}


def test_translations_that_become_alike_are_said_once():
    def having(variety: float | None) -> Evaluation:
        one = measured(4, frechet=30.0)
        return replace(one, details={**one.details, "variety": variety})

    said = alike_message([having(0.001), having(0.7), having(0.004)])
    assert said and "epoch 4 hardly differ from one another" in said and "0.40%" in said
    assert alike_message([having(0.0)]) and alike_message([having(None), having(0.0)])
    assert alike_message([having(0.01), having(0.0)]) is None
    assert all(alike_message([having(0.7), having(variety)]) is None for variety in (0.03, 1.2, None))


def test_the_loop_says_that_translations_became_alike(folder):
    varieties = {2: 0.7, 4: 0.001, 6: 0.001}

    class Alike(Fake):
        def evaluate(self, progress, stopped):
            found = super().evaluate(progress, stopped)
            return replace(found, details={**found.details, "variety": varieties[progress.epoch]})

    recorder = run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=Alike({}))
    said = [message for message in recorder.messages if "hardly differ" in message]
    assert len(said) == 1 and said[0].startswith("The translations of epoch 4 ")


# ------------------------------------------------------------------ what a measurement says


def test_the_best_is_the_least_distance_or_the_greatest_score_and_the_first_of_equals():
    values = [(30.0, 10.0), (20.0, 12.0), (20.0, 11.0)]
    rows = [measured(epoch, frechet=fid, psnr=psnr) for epoch, (fid, psnr) in enumerate(values, start=1)]
    assert best_evaluation(rows, "frechet").epoch == 2 and best_evaluation(rows, "psnr").epoch == 2
    assert best_evaluation([measured(1, frechet=math.nan), measured(2, frechet=50.0)], "frechet").epoch == 2
    assert best_evaluation([measured(1, frechet=math.nan)], "frechet") is None
    assert best_evaluation(rows, "kernel") is None


def test_extractors_are_never_compared():
    """What was measured with an earlier one neither is the best nor stands in the same column."""
    lite = Evaluation(4, 20, 20, {"frechet": 300.0, "psnr": 9.0}, details={"extractor": "EfficientNet-Lite0"})
    rows = [measured(1, frechet=30.0, psnr=10.0), lite]
    assert best_evaluation(rows, "frechet").epoch == 4 and best_evaluation(rows, "psnr").epoch == 1
    assert evaluation_table([("a", rows[0]), ("b", lite)], first="frechet").splitlines() == [
        "     FID  FD (EfficientNet-Lite0)   PSNR",
        "a  30.00                        –  10.00",
        "b      –                    300.0  9.000",
    ]


def test_what_earlier_versions_wrote_by_label_is_read():
    measures = {"FID": 45.5, "KID": None, "mean IoU": 0.5, "PSNR": 17}
    inception = {"epoch": 1, "images": 5, "step": 5, "measures": measures, "spread": {"KID": 0.1},
                 "details": {"extractor": "Inception"}}  # fmt: skip
    read = Evaluation.from_json(inception)
    assert list(read.measures) == ["frechet", "kernel", "mean_iou", "psnr"] and math.isnan(read.measures["kernel"])
    assert read.spread == {"kernel": 0.1} and list(read.labelled(read.measures)) == list(measures)
    lite = {"measures": {"FD (EfficientNet-Lite0)": 300.0, "KD (EfficientNet-Lite0)": 0.5, "no measure": 1.0},
            "details": {"extractor": "EfficientNet-Lite0"}, "spread": {}}  # fmt: skip
    read = Evaluation.from_json(inception | lite)
    assert read.measures == {"frechet": 300.0, "kernel": 0.5} and read.label("frechet") == "FD (EfficientNet-Lite0)"
    assert Evaluation.from_json(asdict(read)) == read


def test_a_run_of_an_earlier_version_goes_on(folder):
    """Its state and best.json hold labels; what they say still decides."""
    run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=Fake({2: 30.0, 4: 20.0, 6: 25.0}))
    state = torch.load(folder / "latest_training_state.pth", weights_only=True)
    for row in (best := json.loads((folder / "best.json").read_text()), *state["state"]["evaluations"]):
        row["measures"] = {"FID": row["measures"]["frechet"]}
    (folder / "best.json").write_text(json.dumps(best))
    torch.save(state, folder / "latest_training_state.pth")
    more = [*NEVER, "--n_epochs", "10", "--n_epochs_decay", "0", "--evaluation_epoch_freq", "2"]
    recorder = run(folder, *more, evaluator=Fake({8: 21.0, 10: 19.0}), **resumed(folder))
    assert [(event.is_best, event.best.epoch) for event in recorder.evaluations] == [(False, 4), (True, 10)]
    state = torch.load(folder / "latest_training_state.pth", weights_only=True)
    assert [row["measures"]["frechet"] for row in state["state"]["evaluations"]] == [30.0, 20.0, 25.0, 21.0, 19.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(123456.7, "123457"), (45.501, "45.50"), (0.012345, "0.01235"), (1e-9, "0.000000"), (0, "0"), (math.nan, "nan"),
     (-0.00123, "-0.001230"), (math.inf, "inf")],
)  # fmt: skip
def test_measures_have_four_digits_and_no_exponent(value, text):
    assert significant(value) == text


def test_measures_in_a_line_and_in_a_table():
    details = {"split": "val", "real_count": 4, "fake_count": 3, "extractor": "Inception", "real_sizes": "8×8",
               "fake_sizes": "8×8", "seed": 1}  # fmt: skip
    last = Evaluation(9, 45, 45, {"frechet": 45.5, "kernel": 0.0123}, {"kernel": 0.0004}, details)
    best = measured(4, frechet=9.25, psnr=17.2)
    assert describe_measures(last) == "FID 45.50, KID 0.01230 ± 0.000400"
    assert evaluation_table([("last", last), ("best one", best)]).splitlines() == [
        "            FID                 KID   PSNR",
        "last      45.50  0.01230 ± 0.000400      –",
        "best one  9.250                   –  17.20",
    ]
    assert evaluation_table([("x", last)], first="kernel").splitlines()[0].split() == ["KID", "FID"]
    text = last_and_best([best, last], best, "frechet")
    assert [line.split("  ")[0] for line in text.splitlines()[1:3]] == ["last (epoch 9)", "best (epoch 4)"]
    assert text.splitlines()[3] == (
        "The best by FID. 3 images (8×8) against 4 real ones (8×8) of val; features of Inception, seed 1."
    )


def test_a_moving_average_counts_and_the_generator_as_trained_is_told():
    details = {"extractor": "Inception"}
    last = Evaluation(9, 45, 45, {"frechet": 45.5}, {}, details, unaveraged={"frechet": 60.0})
    (column,) = unaveraged_columns([last, measured(4, frechet=9.25)])
    assert column.text(last) == "60.00" and column.text(measured(4, frechet=9.25)) == "–"
    assert measure_columns([last])[0].text(last) == "45.50"
    lines = last_and_best([last], last, "frechet").splitlines()
    assert [" ".join(line.split()) for line in lines[1:3]] == ["last (epoch 9) 45.50", "last without averaging 60.00"]
    assert Evaluation.from_json(json.loads(json.dumps(asdict(last)))) == last


# ------------------------------------------------------------------ when it is asked for


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6]), (4, [4, 6]), (9, [6]), (0, [])])
def test_every_nth_epoch_and_the_last_are_measured(folder, every, epochs):
    recorder = run(folder, *SIX, "--evaluation_epoch_freq", str(every), evaluator=(fake := Fake({})), batches=1)
    assert fake.asked == epochs == [event.evaluation.epoch for event in recorder.evaluations]
    state = torch.load(folder / "latest_training_state.pth", weights_only=True)["state"]
    assert [row["epoch"] for row in state["evaluations"]] == epochs


def test_without_an_evaluator_nothing_is_measured(folder):
    recorder = run(folder, *SIX, "--evaluation_epoch_freq", "1", evaluator=None, batches=1)
    assert recorder.evaluations == [] and recorder.messages == []


def test_events_say_what_was_measured_where_and_which_is_best(folder):
    values = {1: 30.0, 2: 20.0, 3: math.nan, 4: 25.0, 5: 20.0, 6: 10.0}
    recorder = run(folder, *SIX, "--evaluation_epoch_freq", "1", evaluator=Fake(values), size=2, batches=3)
    assert recorder.events[:6] == ["start", "step", "step", "step", "epoch 1", "evaluation 1"]
    assert [event.is_best for event in recorder.evaluations] == [True, True, False, False, False, True]
    assert [event.best.epoch for event in recorder.evaluations] == [1, 2, 2, 2, 2, 6]
    at = recorder.evaluations[1].progress
    assert (at.epoch, at.epoch_images, at.images, at.step) == (2, 6, 12, 6)
    assert recorder.messages[-1].splitlines()[1:3] == ["last (epoch 6)  10.00", "best (epoch 6)  10.00"]


# ------------------------------------------------------------------ the best is kept


def test_the_best_weights_and_their_row_are_kept(folder):
    recorder = run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=Fake({2: 30.0, 4: 20.0, 6: 25.0}))
    assert recorder.saves == [(10, "latest"), (10, "best"), (20, "latest"), (20, "best"), (30, "latest")]
    assert [weight_of(folder / f"best_net_{name}.pth") for name in "GDF"] == [20, 20, 20]
    row = json.loads((folder / "best.json").read_text())
    assert row == asdict(recorder.evaluations[1].evaluation) and row["measures"] == {"frechet": 20.0}


def test_of_a_score_the_greatest_is_kept(folder):
    evaluator = Fake({2: 11.0, 4: 12.0, 6: 10.0}, best_metric="psnr")
    run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=evaluator)
    assert weight_of(folder / "best_net_G.pth") == 20


def test_the_best_stays_when_a_run_goes_on(folder):
    run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=Fake({2: 30.0, 4: 20.0, 6: 25.0}))
    more = [*NEVER, "--n_epochs", "10", "--n_epochs_decay", "0", "--evaluation_epoch_freq", "2"]
    recorder = run(folder, *more, evaluator=(fake := Fake({8: 21.0, 10: 19.0})), **resumed(folder))
    assert fake.asked == [8, 10]
    assert [(event.is_best, event.best.epoch) for event in recorder.evaluations] == [(False, 4), (True, 10)]
    assert recorder.saves == [(50, "latest"), (50, "best")] and weight_of(folder / "best_net_G.pth") == 50
    assert json.loads((folder / "best.json").read_text())["epoch"] == 10


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("error", [UserError("valB/3.png is damaged; remove it."), MemoryError("no room")])
def test_a_failing_evaluator_is_said_and_training_goes_on(folder, error):
    fake = Fake({2: error, 4: 20.0})
    recorder = run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=fake)
    assert fake.asked == [2, 4, 6] and weight_of(folder / "latest_net_G.pth") == 30
    said = recorder.messages[0]
    assert said.startswith("Epoch 2 could not be measured, and training goes on: ") and str(error) in said
    assert [event.evaluation.epoch for event in recorder.evaluations] == [4, 6]


def ctrl_c() -> float:
    os.kill(os.getpid(), signal.SIGINT)
    return 20.0


def test_a_stop_during_a_measurement_leaves_it_to_the_continued_run(folder):
    recorder = Recorder()
    values = {2: 30.0, 4: ctrl_c}
    loop = trainer(folder, *SIX, "--evaluation_epoch_freq", "2", listeners=[recorder], evaluator=Fake(values))
    assert loop.run() == 130
    assert [event.evaluation.epoch for event in recorder.evaluations] == [2]
    assert weight_of(folder / "best_net_G.pth") == 10 and weight_of(folder / "latest_net_G.pth") == 20

    recorder = run(
        folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=(fake := Fake({4: 20.0, 6: 25.0})), **resumed(folder)
    )
    assert fake.asked == [4, 6] and recorder.events[:2] == ["start", "evaluation 4"]
    assert recorder.saves[:2] == [(20, "latest"), (20, "best")] and weight_of(folder / "best_net_G.pth") == 20
    at = recorder.evaluations[0].progress
    assert (at.epoch, at.epoch_images, at.images) == (4, 5, 20)


def test_a_measurement_that_was_made_is_not_made_again(folder):
    run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=Fake({}))
    recorder = run(folder, *SIX, "--evaluation_epoch_freq", "2", evaluator=(fake := Fake({})), **resumed(folder))
    assert fake.asked == [] and recorder.evaluations == []
    assert "best (epoch 2)" in recorder.messages[-1]


def test_the_best_is_the_one_whose_weights_are_there(folder, monkeypatch):
    """A save that failed kept no weights, so its epoch is not the best that later ones have to beat."""
    save = RunFolder.save

    def disk_full(self, labels, *rest):
        if "best" in labels and not full.pop():
            raise UserError("The disk is full.")
        save(self, labels, *rest)

    full = [True, False, True]  # from the back: epoch 1 is saved, epoch 2 is not, epoch 3 is
    monkeypatch.setattr(RunFolder, "save", disk_full)
    values = {1: 30.0, 2: 10.0, 3: 20.0}
    words = [*NEVER, "--n_epochs", "3", "--n_epochs_decay", "0", "--evaluation_epoch_freq", "1"]
    recorder = run(folder, *words, evaluator=Fake(values))
    assert [event.is_best for event in recorder.evaluations] == [True, True, True]
    assert json.loads((folder / "best.json").read_text())["epoch"] == 3 and weight_of(folder / "best_net_G.pth") == 15
    assert recorder.messages[-1].splitlines()[2] == "best (epoch 3)  20.00"


def test_another_measure_may_decide_from_now_on(folder):
    words = [*NEVER, "--n_epochs_decay", "0", "--evaluation_epoch_freq", "1"]
    run(folder, *words, "--n_epochs", "2", evaluator=Fake({1: 10.0, 2: 20.0}))
    psnr = Fake({3: 15.0, 4: 14.0}, best_metric="psnr")
    recorder = run(folder, *words, "--n_epochs", "4", evaluator=psnr, **resumed(folder))
    assert [event.best.epoch for event in recorder.evaluations] == [3, 3]  # what is kept was not measured by it
    assert weight_of(folder / "best_net_G.pth") == 15


def test_other_images_look_for_the_best_anew(folder):
    """A distance falls with the number of images, so it says nothing against one of fewer."""
    words = [*NEVER, "--n_epochs_decay", "0", "--evaluation_epoch_freq", "1"]
    run(folder, *words, "--n_epochs", "2", evaluator=Fake({1: 10.0, 2: 20.0}))
    fewer = Fake({3: 40.0, 4: 30.0, 5: 35.0}, count=2)
    recorder = run(folder, *words, "--n_epochs", "5", evaluator=fewer, **resumed(folder))
    assert [event.best.epoch for event in recorder.evaluations] == [3, 4, 4]
    assert weight_of(folder / "best_net_G.pth") == 20
    assert [message for message in recorder.messages if "cannot be compared" in message] == [
        "Epoch 1, the best so far, was measured on other images than epoch 3, and their numbers cannot be compared: "
        "the search for the best starts again."
    ]
