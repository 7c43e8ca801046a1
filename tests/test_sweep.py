"""The sweep: what it plans, skips, continues and hands on, with a stand-in for train.py and once with the real one."""

import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from cut.errors import UserError
from cut.options import train_options
from cut.training.checkpoints import RunFolder, TrainingState
from cut.training.evaluation import Evaluation
from tests.monitoring.recorded_runs import record
from tests.scripts import load_script
from tests.training.miniature import Model
from tests.training.tiny_runs import TINY

SCRIPT = Path(__file__).parents[1] / "scripts" / "sweep.py"
STAND_IN = """
import json, os, signal, sys
with open({started!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
name = sys.argv[sys.argv.index("--name") + 1]
if "bad" in name:
    sys.exit(3)
if "stopped" in name:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.kill(os.getppid(), signal.SIGINT)
    while True:
        signal.pause()
"""


STOPS_WHEN_ASKED = """
import pathlib, signal, sys
def save(*_):
    pathlib.Path("saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path("started").touch()
while True:
    signal.pause()
"""


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.02)


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """The script as a module, which starts a stand-in that only notes how it was called."""
    module = load_script("sweep")
    (tmp_path / "train.py").write_text(STAND_IN.format(started=str(tmp_path / "started")))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return module


def config(name: str, **values) -> str:
    """A config in the working directory, with a plan of four epochs as `record` makes it."""
    values = {"name": name, "dataroot": "x", "n_epochs": 3, "n_epochs_decay": 1} | values
    Path(f"{name}.yaml").write_text(yaml.safe_dump(values))
    return f"{name}.yaml"


def started() -> list[list[str]]:
    file = Path("started")
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def saved(name: str, seed: int, epoch: int, measured: tuple[int, ...] = (), *arguments: str) -> Path:
    """A run that would go on in this epoch."""
    folder = record(Path("checkpoints") / name, "--seed", str(seed), *arguments)
    state = TrainingState(
        epoch=epoch, evaluations=[asdict(Evaluation(one, one, one, {"frechet": 1.0})) for one in measured]
    )
    RunFolder(folder).save(["latest"], Model(), state)
    return folder


def test_all_seeds_of_a_config_then_the_next(sweep):
    arguments = [config("a"), config("b"), "--seeds", "0", "5", "--prefix", "try_", "--ngf", "8"]
    assert sweep.main(arguments) == 0
    runs = [train_options(words).flat() for words in started()]
    planned = [(f"try_{name}_seed{seed}", seed, 8, 3) for name in "ab" for seed in (0, 5)]
    assert [(run["name"], run["seed"], run["ngf"], run["n_epochs"]) for run in runs] == planned


def test_a_config_without_a_name_lends_that_of_its_file(sweep):
    Path("c.yaml").write_text("dataroot: x\n")
    assert sweep.main(["c.yaml"]) == 0
    assert "c_seed0" in started()[0]


def test_finished_is_skipped_and_stopped_is_continued(sweep, capsys):
    saved("a_seed0", 0, epoch=5)
    saved("a_seed1", 1, epoch=3)
    record(Path("checkpoints/a_seed2"), "--seed", "2", seconds=[])  # it died before its first save
    assert sweep.main([config("a"), "--seeds", "0", "1", "2", "3"]) == 0
    runs = {words[words.index("--name") + 1]: words for words in started()}
    assert list(runs) == ["a_seed1", "a_seed2", "a_seed3"]
    assert [name for name, words in runs.items() if "--continue_train" in words] == ["a_seed1"]
    said = capsys.readouterr().out
    assert "[1/4] a_seed0 is finished, and skipped." in said and "[2/4] a_seed1 continues in epoch 3" in said
    assert "| CUT | 0, 1 |" in said, "the table at the end"


def test_more_epochs_make_a_finished_run_go_on(sweep):
    saved("a_seed0", 0, epoch=5)
    assert sweep.main([config("a"), "--n_epochs_decay", "2"]) == 0
    assert "--continue_train" in started()[0]


@pytest.mark.parametrize(("measured", "goes_on"), [((), False), ((2, 4), False), ((2,), True)])
def test_a_run_whose_last_measurement_was_cut_short_is_not_finished(sweep, measured, goes_on):
    saved("a_seed0", 0, 5, measured)
    assert sweep.main([config("a")]) == 0
    assert bool(started()) == goes_on


def test_a_finished_run_of_other_settings_is_said(sweep, capsys):
    saved("a_seed0", 0, epoch=5)
    assert sweep.main([config("a", lambda_NCE=3.0)]) == 0
    assert "skipped. But lambda_NCE is now 3.0 (it was 1.0)." in capsys.readouterr().out


def test_weights_of_another_run_are_only_for_the_start(sweep):
    saved("a_seed0", 0, 3, (), "--pretrained_name", "other", "--epoch", "20")
    assert sweep.main([config("a", pretrained_name="other", epoch=20)]) == 0
    options = train_options(started()[0])
    assert options.run.epoch == "latest" and options.checkpoints.continue_train


def test_a_run_that_fails_does_not_stop_the_others(sweep, capsys):
    saved("c_seed0", 0, 3)
    arguments = [config("bad"), config("b"), config("c", ngf=8), config("d")]
    Path("checkpoints/d_seed0").mkdir(parents=True)
    Path("checkpoints/d_seed0/latest_training_state.pth").write_text("damaged")
    assert sweep.main(arguments) == 1
    assert [words[1] for words in started()] == ["bad.yaml", "b.yaml"]
    said = capsys.readouterr()
    assert "bad_seed0 ended with status 3; the sweep goes on without it." in said.out
    assert "c_seed0 cannot go on: --ngf is 8, but the run was trained with 64" in said.out
    assert "d_seed0 cannot go on: " in said.out and "training state that can be read" in said.out
    assert [name in said.err for name in ("bad_seed0", "c_seed0", "d_seed0")] == [True] * 3


def test_dry_run_prints_commands_and_starts_nothing(sweep, capsys):
    saved("a_seed0", 0, epoch=5)
    saved("a_seed1", 1, epoch=2)
    assert sweep.main([config("a"), "--seeds", "0", "1", "2", "--dry_run", "--easy_label", "two words"]) == 0
    assert not started()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# a_seed0 is finished") and lines[1].endswith("--seed 1 --continue_train")
    assert lines[2] == "python train.py --config a.yaml --easy_label 'two words' --name a_seed2 --seed 2"


def test_a_stop_goes_to_the_run_once_and_ends_the_sweep(sweep, capsys):
    """The stand-in sends its parent Ctrl-C, and waits to be told to end."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert sweep.main([config("stopped"), config("b")]) == 130
    assert len(started()) == 1 and "the same command goes on" in capsys.readouterr().out
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_is_a_stop_but_not_under_nohup(sweep, ignored):
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with sweep.Children() as children:
            status = children.run([sys.executable, "-c", "import os, signal; os.kill(os.getppid(), signal.SIGHUP)"])
        assert children.signal == (None if ignored else signal.SIGHUP) and (status == 0 or not ignored)
    finally:
        signal.signal(signal.SIGHUP, previous)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=lambda how: how.name)
def test_a_run_does_not_outlive_a_killed_sweep(sweep, tmp_path, how):
    run = [sys.executable, "-c", STOPS_WHEN_ASKED]
    killed = os.fork()
    if killed == 0:  # the sweep
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            with sweep.Children() as children:
                children.run(run)
        finally:
            os._exit(0)
    wait_for(tmp_path / "started")
    os.kill(killed, how)
    os.waitpid(killed, 0)
    wait_for(tmp_path / "saved")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give the configs to train"),
        (["--ngf", "8", "a.yaml"], "Give the configs to train before any option"),
        (["nowhere.yaml"], "There is no file nowhere.yaml"),
        (["a.yaml", "a.yaml"], "The run a_seed0 would be trained twice, from a.yaml:"),
        (["a.yaml", "same_name.yaml"], "trained twice, from a.yaml and same_name.yaml:"),
        (["a.yaml", "--seeds", "1", "1"], "The run a_seed1 would be trained twice"),
        (["a.yaml", "--seeds", "one"], "--seed is 'one' but must be a whole number."),
        (["a.yaml", "--prefix", "x/y"], "--name is 'x/ya_seed0' but must be a name"),
        (["seeded.yaml"], "seeded.yaml sets seed, but give --seeds to the sweep: remove it there."),
        (["a.yaml", "--seed", "3"], "--seed cannot be given to all runs: give --seeds"),
        (["a.yaml", "--name=x"], "--name cannot be given to all runs"),
        (["a.yaml", "--continue_train"], "--continue_train cannot be given"),
        (["a.yaml", "--config", "b.yaml"], "list the configs before the first option"),
        (["a.yaml", "same_name.yaml", "--ngff", "8"], "There is no option --ngff (did you mean --ngf?)."),
        (["no_data.yaml"], "Give --dataroot"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_runs(sweep, capsys, arguments, sentence):
    config("a")
    Path("same_name.yaml").write_text("name: a\ndataroot: x\n")
    Path("seeded.yaml").write_text("seed: 3\ndataroot: x\n")
    Path("no_data.yaml").write_text("name: a\n")
    assert sweep.main(arguments) == UserError.exit_status
    said = capsys.readouterr()
    assert sentence in said.err and len(said.err.splitlines()) == 1 and not started()


def test_the_real_thing(sweep, tmp_path, monkeypatch, capsys):
    """A run of a few steps; then it is skipped, and the table is the same."""
    monkeypatch.setattr(sweep, "ROOT", SCRIPT.parents[1])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for side in "AB":
        (tmp_path / "data" / f"train{side}").mkdir(parents=True)
        for index in range(2):
            pixels = np.random.default_rng(index).integers(0, 256, (36, 36, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / f"train{side}" / f"{index}.png")
    values = TINY | {"dataroot": str(tmp_path / "data"), "nce_loss": "focal", "evaluation_epoch_freq": 0}
    outputs = []
    for _ in range(2):
        assert sweep.main([config("tiny", **values)]) == 0
        outputs.append(capsys.readouterr().out)
    assert "tiny_seed0 is finished, and skipped." in outputs[1]
    table = [output[output.index("| method") :] for output in outputs]
    assert table[0] == table[1] and "| CUT focal γ2 α0.25 | 0 | 2 |" in table[0]
