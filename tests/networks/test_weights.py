"""Weight files in both directions, and files that are something else."""

import pytest
import torch

from cut.errors import UserError
from cut.networks.init import initialise
from cut.networks.patchgan import PatchDiscriminator
from cut.networks.resnet import ResnetGenerator
from cut.networks.weights import export_weights, load_weights, read_weights
from tests.hostile.payloads import Payload, as_pickle, as_torch


def generator(**changes) -> ResnetGenerator:
    return initialise(ResnetGenerator(**{"ngf": 2, "blocks": 1} | changes), "normal", 1.0)


@pytest.mark.parametrize("make", [generator, lambda: generator(norm="batch"), lambda: PatchDiscriminator(ndf=2)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=["rows", "channels-last"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_is_exported_is_read_back_exactly(tmp_path, make, memory, prefix):
    one, other = make().to(memory_format=memory), make()
    torch.save({prefix + name: value for name, value in export_weights(one).items()}, tmp_path / "net.pth")
    load_weights(other, read_weights(tmp_path / "net.pth"), "net.pth")
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    images = torch.rand(2, 3, 48, 40, dtype=torch.float64)
    torch.testing.assert_close(one.double()(images), other.double()(images))


def test_filters_are_written_and_not_needed():
    weights = export_weights(generator())
    filters = {name for name in weights if name.endswith(".filt")}
    assert len(filters) == 4 and all(not weights[name].requires_grad for name in weights)
    load_weights(generator(), {name: value for name, value in weights.items() if name not in filters}, "file")


def test_loading_copies():
    network, weights = generator(), export_weights(generator())
    load_weights(network, weights, "file")
    weights["model.1.weight"].zero_()
    assert network.model[1].weight.any()


@pytest.mark.parametrize("changes", [{"ngf": 3}, {"blocks": 9}, {"norm": "batch"}, {"antialias": False}])
def test_another_architecture_is_a_short_table_and_changes_nothing(changes):
    network = generator()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(UserError) as error:
        load_weights(network, export_weights(generator(**changes)), "some/file.pth")
    lines = str(error.value).splitlines()
    assert "some/file.pth" in lines[0] and "model." in lines[1] and "≠" in lines[1] and len(lines) <= 10
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("write", [as_torch, as_pickle])
def test_a_hostile_pickle_runs_nothing(tmp_path, write):
    write({"model.1.weight": Payload(tmp_path / "proof")}, tmp_path / "net.pth")
    with pytest.raises(UserError, match="not a file of weights that can be read safely"):
        read_weights(tmp_path / "net.pth")
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", [b"", b"x", b"\x80", b"\x80\x02", b"PK\x03\x04half", b"<html>"])
def test_other_files_are_one_sentence(tmp_path, content):
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(UserError, match="net.pth is not a file of weights") as error:
        read_weights(tmp_path / "net.pth")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [[torch.ones(1)], torch.ones(2), {"G": {"weight": torch.ones(1)}}, {"epoch": 3}, {3: torch.ones(1)}]
)
def test_saved_things_that_are_no_weights(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(UserError, match="not a file of network weights"):
        read_weights(tmp_path / "net.pth")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match="There is no weight file"):
        read_weights(tmp_path / "missing.pth")
    with pytest.raises(UserError, match="not a file of weights"):
        read_weights(tmp_path)
