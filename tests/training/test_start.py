"""How runs begin, with `train.py` as a process: afresh, continued, from another's weights, or not at all."""

import shutil
from dataclasses import replace

import pytest
import torch
import yaml

from cut.training.checkpoints import RunFolder
from tests.training.tiny_runs import assert_same, logs_of, state_of


@pytest.fixture(scope="module")
def finished(new_run):
    """A run that has finished its two epochs; only to be read."""
    run = new_run(save_by_iter=True, save_latest_freq=4)
    assert run.start() == 0, run.said
    return run


@pytest.fixture
def copy(finished, tmp_path):
    """The same in a folder of its own."""
    shutil.copytree(finished.folder, tmp_path / "tiny")
    return replace(finished, folder=tmp_path / "tiny")


def test_what_a_run_leaves(finished):
    names = {file.name for file in finished.folder.iterdir() if file.is_file()}
    labels = ["latest", "1", "2", "iter_4", "iter_8"]
    weights = {f"{label}_net_{name}.pth" for label in labels for name in "GDF"}
    texts = {"options.yaml", "train_opt.txt", "loss_log.txt", "metrics.jsonl", ".lock"}
    assert names == weights | texts | {"latest_training_state.pth"}
    assert "continue_train: false" in (finished.folder / "options.yaml").read_text()
    entries = logs_of(finished.folder)[0]
    assert [entry["images"] for entry in entries if "losses" in entry] == list(range(1, 11))
    assert [entry["epoch"] for entry in entries if "finished_epoch" in entry] == [1, 2]


def test_an_existing_run_is_not_overwritten(finished):
    before = state_of(finished.folder)
    assert finished.start() == 2
    assert "already holds a run: --continue_train goes on with it, another --name starts a new one" in finished.said
    assert len(finished.said.splitlines()) == 1
    assert_same(before, state_of(finished.folder))


def test_downloaded_weights_are_not_overwritten(copy):
    weights = (copy.folder / "latest_net_G.pth").read_bytes()
    shutil.rmtree(copy.folder)
    copy.folder.mkdir()
    (copy.folder / "latest_net_G.pth").write_bytes(weights)
    assert copy.start() == 2, copy.said
    assert "holds weights that a new run would overwrite" in copy.said
    assert copy.resume() == 2 and "has weights but no options.yaml" in copy.said


def test_continuing_a_finished_run_says_that_it_is_complete(copy):
    before = state_of(copy.folder)
    assert copy.resume() == 0
    assert "The run tiny is complete: 2 of 2 epochs are done; a larger --n_epochs" in copy.said
    assert_same(before, state_of(copy.folder))


def test_more_epochs_train_on_and_are_remembered(copy, new_run):
    straight = new_run(save_by_iter=True, save_latest_freq=4, n_epochs=3, n_epochs_decay=0, max_dataset_size=1)
    assert straight.start() == 0
    shorter = new_run(save_by_iter=True, save_latest_freq=4, n_epochs=2, n_epochs_decay=0, max_dataset_size=1)
    assert shorter.start() == 0 and shorter.resume("--n_epochs", "3", "--print_freq", "2") == 0
    assert "n_epochs is now 3 (it was 2)." in shorter.said and "print_freq is now 2 (it was 1)." in shorter.said
    assert_same(state_of(straight.folder)["latest_net_G.pth"], state_of(shorter.folder)["latest_net_G.pth"])
    assert yaml.safe_load((shorter.folder / "options.yaml").read_text())["n_epochs"] == 3
    assert shorter.resume() == 0 and "complete: 3 of 3" in shorter.said


def test_what_would_make_nonsense_is_refused(copy):
    assert copy.resume("--ngf", "8", "--seed", "5") == 2
    assert "--ngf is 8, but the run was trained with 4" in copy.said and "--seed is 5" in copy.said


def test_other_images_are_refused(copy, tmp_path):
    shutil.copytree(copy.data, tmp_path / "images")
    moved = ["--dataroot", str(tmp_path / "images")]
    assert copy.resume(*moved, "--n_epochs", "2") == 0, "the same names in another place are the same data"
    (tmp_path / "images" / "trainB" / "0.png").rename(tmp_path / "images" / "trainB" / "other.png")
    assert copy.resume(*moved, "--n_epochs", "3") == 2
    assert "The training images are not those that" in copy.said and "--pretrained_name" in copy.said


def test_two_runs_in_one_folder_at_once(copy):
    with RunFolder(copy.folder).locked():
        assert copy.resume("--n_epochs", "5") == 2
    assert copy.said == f"Another run is using {copy.folder}: wait for it or choose another --name.\n"


def test_a_checkpoints_dir_that_cannot_be_written(new_run, tmp_path):
    (tmp_path / "file").touch()
    run = new_run()
    assert run.start("--checkpoints_dir", str(tmp_path / "file")) == 2
    assert f"{tmp_path}/file/tiny cannot be written" in run.said and len(run.said.splitlines()) == 1


def test_pretrained_weights_start_a_new_run(finished, new_run):
    run = new_run(n_epochs_decay=0, max_dataset_size=1, pretrained_name="tiny", epoch="iter_4", lr=1e-30)
    other = replace(run, folder=finished.folder.with_name("second"))
    assert other.start() == 0, other.said
    place = finished.folder
    assert f"Starting from the weights of G, D, F in {place} (epoch iter_4)." in other.said
    for name in "GDF":
        files = (place / f"iter_4_net_{name}.pth", other.folder / f"latest_net_{name}.pth")
        assert_same(*(torch.load(file, weights_only=True) for file in files))


def test_pretrained_generator_alone(copy, new_run):
    for name in "DF":
        (copy.folder / f"latest_net_{name}.pth").unlink()
    run = new_run(n_epochs_decay=0, max_dataset_size=1, pretrained_name="tiny")
    other = replace(run, folder=copy.folder.with_name("second"))
    assert other.start() == 0 and "Starting from the weights of G in" in other.said
    third = replace(other, folder=copy.folder.with_name("third"))
    assert third.start("--ngf", "8") == 2 and "of another architecture" in third.said
    assert len(third.said.splitlines()) <= 10
    assert third.start("--pretrained_name", "missing") == 2 and "holds no weights of G" in third.said


def test_a_loss_that_is_not_finite_ends_with_status_one(new_run):
    run = new_run(lr=1e30)
    assert run.start() == 1
    last = run.said.splitlines()[-1]
    assert last.startswith("Training stopped at epoch 1, image 1 of it (step 1): G_GAN is nan")
    assert "Traceback" not in run.said
    assert str(run.data / "trainA") in last
