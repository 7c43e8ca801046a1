"""The sweep: what it plans, skips, continues and hands on, with a stand-in for train.py and once with the real one."""

import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from PIL import Image

from cut.errors import UserError
from cut.options import train_options
from cut.training.checkpoints import RunFolder, TrainingState
from cut.training.evaluation import Evaluation
from scripts import launchers
from tests.monitoring.recorded_runs import record
from tests.scripts import load_script
from tests.training.miniature import Model
from tests.training.tiny_runs import TINY

SCRIPT = Path(__file__).parents[1] / "scripts" / "sweep.py"
STAND_IN = """
import json, os, signal, sys, time
with open({started!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
name = sys.argv[sys.argv.index("--name") + 1]
if "bad" in name:
    sys.exit(3)
if "stopped" in name or "waits" in name:
    signal.signal(signal.SIGTERM, lambda *_: (open(name + ".told", "a").write("once"), sys.exit(143)))
    open(name + ".ready", "w").close()
    while "stopped" in name and "waits" in " ".join(os.listdir()) and not os.path.exists("waits_seed0.ready"):
        time.sleep(0.01)
    if "stopped" in name:
        os.kill(os.getppid(), signal.SIGINT)
    while True:
        signal.pause()
print("printed by", name)
"""


STOPS_WHEN_ASKED = """
import pathlib, signal, sys
def save(*_):
    pathlib.Path("saved_" + sys.argv[1]).touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path("started_" + sys.argv[1]).touch()
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


def test_a_stop_goes_to_all_runs(sweep, capsys):
    assert sweep.main([config("waits"), config("stopped"), config("b"), "--jobs", "2"]) == 130
    assert len(started()) == 2 and "the same command goes on" in capsys.readouterr().out
    assert Path("waits_seed0.told").read_text() == Path("stopped_seed0.told").read_text() == "once"


def test_runs_at_once_share_the_threads_and_print_to_files(sweep, capsys, monkeypatch):
    monkeypatch.setattr(sweep, "processors", lambda: 8)
    monkeypatch.setattr(sweep.torch.cuda, "device_count", lambda: 2)
    arguments = [config("a"), config("bad"), config("c", threads=5, gpu_ids=-1), "--seeds", "0", "1", "--jobs", "3"]
    assert sweep.main(arguments) == 1
    runs = {words[words.index("--name") + 1]: words for words in started()}
    assert sorted(runs) == [f"{name}_seed{seed}" for name in ("a", "bad", "c") for seed in (0, 1)]
    options = {name: train_options(words).run for name, words in runs.items()}
    assert [(options[name].threads, options[name].gpu_ids) for name in ("a_seed0", "a_seed1")] == [(2, "0"), (2, "1")]
    assert (options["c_seed0"].threads, options["c_seed0"].gpu_ids) == (5, "-1")
    said = capsys.readouterr().out
    assert "printed by" not in said and "printed by a_seed1" in Path("checkpoints/a_seed1.log").read_text()
    assert "[2/6] a_seed1 starts (checkpoints/a_seed1.log)" in said and "a_seed1 is finished." in said
    assert said.count("ended with status 3; the sweep goes on without it.") == 2


def test_never_more_at_once_than_asked_for(sweep, monkeypatch):
    most, start = [], sweep.Children.start

    def counting(self, *arguments):
        start(self, *arguments)
        most.append(len(self.running))

    monkeypatch.setattr(sweep.Children, "start", counting)
    assert sweep.main([config("a"), "--seeds", *map(str, range(5)), "--jobs", "2"]) == 0
    assert len(most) == len(started()) == 5 and max(most) <= 2


def test_a_cluster_gets_each_run_as_a_sweep_of_its_own(sweep, capsys, monkeypatch):
    saved("x_a_seed0", 0, epoch=5)
    handed = []

    def hand_in(commands, folder, needs):
        handed.append((commands, folder, needs))
        return [SimpleNamespace(job_id=f"7_{number}", paths=SimpleNamespace(stdout="log")) for number in range(2)]

    monkeypatch.setattr(sweep, "hand_in", hand_in)
    monkeypatch.setattr(sweep, "require_submitit", lambda: None)
    arguments = [config("a"), "--seeds", "0", "1", "2", "--prefix", "x_", "--print_freq", "7", "--launcher", "slurm"]
    assert sweep.main([*arguments, "--jobs", "4", "--slurm", "slurm_partition=gpu", "timeout_min=30"]) == 0
    ((commands, folder, needs),) = handed
    scripts = [str(sweep.ROOT / "scripts" / "sweep.py"), "a.yaml", "--seeds"]
    assert [command[1:] for command in commands] == [
        [*scripts, seed, "--prefix", "x_", "--print_freq", "7"] for seed in "12"
    ]
    expected = {"slurm_partition": "gpu", "timeout_min": 30, "gpus_per_node": 1, "slurm_array_parallelism": 4}
    assert needs == needs | expected and folder == Path("checkpoints/jobs") and not started()
    assert "x_a_seed2 is job 7_1: log" in capsys.readouterr().out


def test_one_run_at_a_time_keeps_the_terminal_and_all_threads(sweep, capfd):
    assert sweep.main([config("a")]) == 0
    assert "printed by a_seed0" in capfd.readouterr().out
    assert "--threads" not in started()[0] and not list(Path("checkpoints").glob("*.log"))


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_is_a_stop_but_not_under_nohup(sweep, ignored):
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with sweep.Children() as children:
            children.start("a", [sys.executable, "-c", "import os, signal; os.kill(os.getppid(), signal.SIGHUP)"])
            _, status = children.next_end()
        assert children.signal == (None if ignored else signal.SIGHUP) and (status == 0 or not ignored)
    finally:
        signal.signal(signal.SIGHUP, previous)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=lambda how: how.name)
def test_runs_do_not_outlive_a_killed_sweep(sweep, tmp_path, how):
    run = [sys.executable, "-c", STOPS_WHEN_ASKED]
    killed = os.fork()
    if killed == 0:  # the sweep
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if how != signal.SIGKILL:
                signal.signal(how, signal.SIG_DFL)  # a background job of a shell ignores SIGQUIT
            with sweep.Children() as children:
                children.start("a", [*run, "a"])
                children.start("b", [*run, "b"])
                children.next_end()
        finally:
            os._exit(0)
    for name in "ab":
        wait_for(tmp_path / f"started_{name}")
    os.kill(killed, how)
    os.waitpid(killed, 0)
    for name in "ab":
        wait_for(tmp_path / f"saved_{name}")


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
        (["a.yaml", "--jobs", "0"], "--jobs is 0 but must be at least 1."),
        (["a.yaml", "--slurm", "mem_gb=8"], "give --launcher slurm with it"),
        (["a.yaml", "--launcher", "slurm"], "needs the package submitit, which is not installed"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_runs(sweep, capsys, monkeypatch, arguments, sentence):
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
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
