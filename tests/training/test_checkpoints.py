"""The folder of a run: what it saves, what it refuses to read, and who may use it."""

import errno
import json
import os
import resource
import sys
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from cut.errors import UserError
from cut.training.checkpoints import (
    STATE_FILE,
    RunFolder,
    TrainingState,
    best_row,
    load_pretrained,
    network_file,
    saved_epochs,
)
from tests.hostile.payloads import Payload, as_pickle, as_torch
from tests.training.miniature import Model, weight_of
from tests.training.tiny_runs import assert_same


def trained(value: float) -> Model:
    """A model with this weight, and an optimizer that has moments."""
    model = Model()
    for network in model.networks.values():
        network.weight.data.fill_(value)
    model.networks["G"](torch.ones(1, 1)).sum().backward()
    model.optimizers["G"].step()
    for network in model.networks.values():
        network.weight.data.fill_(value)
    return model


def save(folder, value: float, labels=("latest",), **state) -> Model:
    model = trained(value)
    folder.mkdir(parents=True, exist_ok=True)
    RunFolder(folder).save(list(labels), model, TrainingState(**state))
    return model


def load(folder) -> tuple[Model, TrainingState]:
    model = Model()
    return model, RunFolder(folder).load(model)


def test_everything_that_has_state_comes_back(tmp_path):
    told = {"epoch": 3, "epoch_steps": 2, "step": 12, "images": 24, "epoch_losses": [0.1, 1 / 3], "loss_sum": 1e-17}
    model = save(tmp_path, 7.0, ["latest", "3"], data="abc", **told)
    other, state = load(tmp_path)
    assert state == TrainingState(data="abc", **told)
    assert_same(dict(other.networks.state_dict()), dict(model.networks.state_dict()))
    assert_same(other.optimizers["G"].state_dict(), model.optimizers["G"].state_dict())
    weights = {f"{label}_net_{name}.pth" for label in ("latest", "3") for name in "GDF"}
    assert {file.name for file in tmp_path.iterdir()} == weights | {STATE_FILE}


def test_weights_of_a_channels_last_network_are_the_same_file_to_a_reader(tmp_path):
    network = nn.Conv2d(3, 4, 3)
    expected = network.weight.detach().clone()
    method = Model()
    method.networks = {"G": network.to(memory_format=torch.channels_last)}
    RunFolder(tmp_path).save(["latest"], method, TrainingState())
    assert torch.equal(torch.load(tmp_path / "latest_net_G.pth", weights_only=True)["weight"], expected)
    method.networks["G"] = plain = nn.Conv2d(3, 4, 3)
    load_pretrained(tmp_path, "latest", method)
    assert torch.equal(plain.weight, expected) and plain.weight.is_contiguous()


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("name", [STATE_FILE, "latest_net_G.pth"])
@pytest.mark.parametrize("write", [as_torch, as_pickle])
def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path, name, write):
    save(tmp_path / "run", 1.0)
    write({"state": Payload(tmp_path / "proof")}, tmp_path / "run" / name)
    with pytest.raises(UserError, match=name):
        load(tmp_path / "run")
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x02", b"PK\x03\x04", None])
@pytest.mark.parametrize("name", [STATE_FILE, "latest_net_D.pth"])
def test_a_damaged_file_is_one_sentence(tmp_path, name, content):
    save(tmp_path, 1.0)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UserError, match=name) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [[1], {}, {"state": {"age": 3}}, {"state": {}}, {"state": {}, "optimizers": {}}])
def test_a_state_of_something_else_is_refused(tmp_path, content):
    save(tmp_path, 1.0)
    torch.save(content, tmp_path / STATE_FILE)
    with pytest.raises(UserError, match="not a training state that can be read"):
        load(tmp_path)


def changed_state(folder, change) -> None:
    """The saved state, changed in place by `change(content)`."""
    save(folder, 1.0, epoch=2, step=4, epoch_losses=[0.5])
    content = torch.load(folder / STATE_FILE, weights_only=True)
    change(content)
    torch.save(content, folder / STATE_FILE)


def moments(content) -> dict:
    return content["optimizers"]["G"]["state"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["state"].update(epoch="2"),
        lambda content: content["state"].update(step=-1),
        lambda content: content["state"].update(images=True),
        lambda content: content["state"].update(epoch_losses=0.5),
        lambda content: content["state"].update(epoch_losses=["0.5"]),
        lambda content: content["state"].update(data=7),
        lambda content: content["state"].update(loss_sum=None),
        lambda content: content["state"].update(evaluations=[7]),
        lambda content: content["state"].update(evaluations=[{"epoch": 1}]),
        lambda content: content["state"].update(evaluations=[{"epoch": 1, "images": 1, "step": 1, "measures": [2]}]),
        lambda content: content.update(optimizers=[]),
        lambda content: content["optimizers"].update(G=7),
        lambda content: content["optimizers"]["G"].update(state=[]),
        lambda content: content["optimizers"]["G"].update(param_groups=[]),
        lambda content: content["optimizers"]["G"]["param_groups"][0].update(params=[0, 1]),
        lambda content: content["optimizers"]["G"]["param_groups"][0].update(lr="fast"),
        lambda content: content["optimizers"]["G"]["param_groups"][0].update(betas=(0.5,)),
        lambda content: moments(content).update(exp_avg=torch.zeros(2, 1)),
        lambda content: moments(content).update(exp_avg_sq=torch.zeros(1, 1, dtype=torch.int64)),
        lambda content: moments(content).update(exp_avg="zeros"),
        lambda content: moments(content).update(step=torch.zeros(3)),
        lambda content: moments(content).update(exp_avg=torch.zeros(1, 1).to_sparse()),
        lambda content: moments(content).update(exp_avg=torch.zeros(1, 1, device="meta")),
        lambda content: moments(content).pop("exp_avg"),
        lambda content: content["optimizers"]["G"].update(state={5: {}}),
        lambda content: content.update(extra=[1]),
    ],
)
def test_a_state_with_a_field_of_another_type_or_shape_is_one_sentence(tmp_path, change):
    changed_state(tmp_path, change)
    with pytest.raises(UserError, match=f"{STATE_FILE} is not a training state that can be read.*--pretrained_name.$"):
        load(tmp_path)


def test_what_a_method_kept_for_itself_is_checked_too(tmp_path):
    changed_state(tmp_path, lambda content: content.update(extra={"pool": 7}))
    model = Model()
    model.load_extra_state = lambda state: list(state["pool"])
    with pytest.raises(UserError, match="not a training state that can be read"):
        RunFolder(tmp_path).load(model)


@pytest.mark.parametrize("name", [STATE_FILE, "latest_net_G.pth", "best.json", "commit.json", ".lock"])
def test_a_named_pipe_is_named_and_never_waited_for(tmp_path, name):
    save(tmp_path, 1.0)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match=f"{name} .*(is|it is) a named pipe"), RunFolder(tmp_path).locked():
        load(tmp_path)
        best_row(tmp_path)


GOOD_ROW = {"epoch": 3, "images": 12, "step": 12, "measures": {"frechet": 20.0}}


@pytest.mark.parametrize(
    "row",
    [7, [], {}, None, GOOD_ROW | {"epoch": "3"}, GOOD_ROW | {"epoch": None}, GOOD_ROW | {"step": -1}]
    + [GOOD_ROW | {"measures": [1]}, GOOD_ROW | {"measures": {"frechet": "20,0"}}, GOOD_ROW | {"measures": None}]
    + [GOOD_ROW | {"details": {"fake_count": "20"}}, GOOD_ROW | {"details": 7}, GOOD_ROW | {"seconds": "1"}]
    + [GOOD_ROW | {"images": 10**30}, GOOD_ROW | {"spread": [1]}],
)
def test_a_damaged_row_of_the_best_is_one_sentence(tmp_path, row):
    (tmp_path / "best.json").write_text(json.dumps(row))
    with pytest.raises(UserError, match="best.json does not say what was measured of the best weights") as error:
        best_row(tmp_path)
    assert "\n" not in str(error.value)


def test_json_that_is_none_is_one_sentence(tmp_path):
    for content in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"epoch": ' + b"9" * 5000 + b"}"):
        (tmp_path / "best.json").write_bytes(content)
        with pytest.raises(UserError, match="best.json does not say"):
            best_row(tmp_path)
    (tmp_path / "best.json").unlink()
    assert best_row(tmp_path) is None and best_row(tmp_path / "nowhere") is None


def test_no_message_shows_a_temporary_name(tmp_path):
    save(tmp_path, 1.0)
    (tmp_path / "x.staged").write_bytes(b"garbage")
    (tmp_path / "commit.json").write_text(json.dumps({"latest_net_G.pth": "x.staged", STATE_FILE: "x.staged"}))
    for read in (load, lambda folder: load_pretrained(folder, "latest", Model())):
        with pytest.raises(UserError) as error:
            read(tmp_path)
        assert "staged" not in str(error.value)


def test_weights_of_the_two_generators_of_cyclegan_are_recognised(tmp_path):
    for name in ("G_A", "G_B", "D_A", "D_B"):
        (tmp_path / f"latest_net_{name}.pth").touch()
    with pytest.raises(UserError, match=r"no weights of G \(it has .*G_B\): those are of --model cycle_gan"):
        network_file(tmp_path, "latest", "G")


def test_nothing_to_continue_from(tmp_path):
    with pytest.raises(UserError, match="stopped before its first save, so start it again without --continue_train"):
        load(tmp_path)
    torch.save({}, tmp_path / "latest_net_G.pth")
    with pytest.raises(UserError, match=f"--pretrained_name {tmp_path.name} with another --name"):
        load(tmp_path)


def test_an_epoch_that_was_not_saved_is_answered_with_those_that_were(tmp_path):
    for label in ("10", "9", "latest", "iter_400"):
        save(tmp_path, 1.0, [label])
    assert saved_epochs(tmp_path) == ["9", "10", "iter_400", "latest"]
    assert network_file(tmp_path, "9", "G") == tmp_path / "9_net_G.pth"
    with pytest.raises(UserError, match="--epoch 11 was not saved in .*: there are 9, 10, iter_400, latest.$"):
        network_file(tmp_path, "11", "G")
    with pytest.raises(UserError, match="holds no weights of G"):
        network_file(tmp_path / "elsewhere", "latest", "G")


# ------------------------------------------------------------------ starting from another's weights


def test_pretrained_takes_the_networks_that_are_there(tmp_path):
    save(tmp_path, 5.0, ["latest", "3"])
    model = Model()
    assert load_pretrained(tmp_path, "3", model) == ["G", "D", "F"]
    assert [network.weight.item() for network in model.networks.values()] == [5.0, 5.0, 5.0]
    for name in "DF":
        (tmp_path / f"latest_net_{name}.pth").unlink()
    model = Model()
    assert load_pretrained(tmp_path, "latest", model) == ["G"]
    assert [network.weight.item() for network in model.networks.values()] == [5.0, 0.0, 0.0]
    (tmp_path / "latest_net_G.pth").unlink()
    with pytest.raises(UserError, match="--epoch latest was not saved"):
        load_pretrained(tmp_path, "latest", model)


# ------------------------------------------------------------------ a full disk, and two runs at once


@contextmanager
def files_of_at_most(size: int):
    """The system refuses to write more to a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 100, 1500, 2200])
def test_a_disk_that_is_really_full_leaves_the_earlier_checkpoint(tmp_path, room):
    save(tmp_path, 1.0, step=4)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    large = Model()
    large.networks["F"] = nn.Linear(1000, 1)
    with files_of_at_most(room), pytest.raises(UserError) as error:
        RunFolder(tmp_path).save(["latest", "2"], large, TrainingState(step=9))
    assert str(error.value).startswith(f"The disk is full: {tmp_path}") and "\n" not in str(error.value)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert load(tmp_path)[1].step == 4


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    refused = pytest.raises(UserError, match="cannot be written .*: choose another --checkpoints_dir")
    with refused, RunFolder(tmp_path / "file" / "run").locked():
        pass


def test_one_run_at_a_time(tmp_path):
    with RunFolder(tmp_path / "run").locked():
        refused = pytest.raises(UserError, match="Another run is using .*run: wait for it or choose another --name")
        with refused, RunFolder(tmp_path / "run").locked():
            pass
        with RunFolder(tmp_path / "other").locked():
            pass
    with RunFolder(tmp_path / "run").locked():
        pass


def test_locking_finishes_what_a_kill_left(tmp_path):
    save(tmp_path, 1.0)
    save(tmp_path / "next", 2.0)
    for file in (tmp_path / "next").iterdir():
        file.rename(tmp_path / f"{file.name}.staged")
    (tmp_path / "commit.json").write_text('["latest_net_G.pth", "latest_net_D.pth"]')
    assert weight_of(network_file(tmp_path, "latest", "G")) == 2.0, "read without the lock, it is committed already"
    assert weight_of(network_file(tmp_path, "latest", "F")) == 1.0, "not in the journal"
    with RunFolder(tmp_path).locked():
        assert [weight_of(tmp_path / f"latest_net_{name}.pth") for name in "GDF"] == [2.0, 2.0, 1.0]
    assert not list(tmp_path.glob("*.staged"))


@pytest.mark.skipif(sys.platform == "win32", reason="has no flock")
def test_a_file_system_without_locks_is_said_and_used(tmp_path, monkeypatch):
    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        assert folder.notes() == []
    monkeypatch.setattr("fcntl.flock", unknown)
    with folder.locked():
        (note,) = folder.notes()
        assert note.endswith("run has no locks: see to it that no other run uses this folder.")


def test_too_little_memory_is_not_a_damaged_file(tmp_path, monkeypatch):
    save(tmp_path, 1.0)

    def no_memory(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(torch, "load", no_memory)
    with pytest.raises(RuntimeError, match="allocate memory"):
        RunFolder(tmp_path).saved_state()
