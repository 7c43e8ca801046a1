"""Files of weights that are something else: what they are is said."""

import os
import zipfile

import pytest
import torch
from torch import nn

from cut.errors import UserError
from cut.networks.torch_files import NotReadable, read_torch_file
from cut.networks.weights import load_weights, read_weights


def saved(tmp_path, content=None, **more):
    torch.save({"weight": torch.rand(30, 30)} if content is None else content, tmp_path / "net.pth", **more)
    return tmp_path / "net.pth"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html>\n<html>", "it is a web page"),
        (b"\xef\xbb\xbf<HTML><body>Sign in", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "it is a Git LFS pointer"),
        (b'{"message": "Not Found"}', "it is a text that begins with"),
        (b"\x1f\x8b\x08\x00", "it is a gzip archive"),
        (b'\x08\0\0\0\0\0\0\0{"a":{}}', "it is a file of safetensors"),
        (b"\x89HDF\r\n", "it is an HDF5 file"),
        (b"PK\x03\x04", "it was cut short or is damaged"),
        (b"\x80\x02", "it was cut short"),
        (b"\x80\x02}q\x00", "it was cut short"),
    ],
)
def test_what_a_file_is_instead(tmp_path, content, reason):
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(UserError, match="net.pth is not a file of weights") as error:
        read_weights(tmp_path / "net.pth")
    assert reason in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_was_cut_short(tmp_path, new, share):
    file = saved(tmp_path, _use_new_zipfile_serialization=new)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(NotReadable, match="cut short"):
        read_torch_file(file)


def test_archives_of_other_files_and_with_wrong_sizes(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(NotReadable, match="it is a zip archive of other files"):
        read_torch_file(tmp_path / "other.zip")
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", bytes(10_000_000))
    with pytest.raises(NotReadable, match="claims more than the file holds"):
        read_torch_file(tmp_path / "bomb.pth")


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of kinds of tensors that it will give up
@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (lambda: torch.eye(3).to_sparse(), "sparse"),
        (lambda: torch.eye(4).to_sparse_csr(), "sparse"),
        (lambda: torch.quantize_per_tensor(torch.rand(2, 2), 0.1, 0, torch.qint8), "quantized"),
        (lambda: torch.empty(10**11, device="meta"), "on the device meta"),
        (lambda: torch.zeros(2, dtype=torch.complex64), "complex"),
    ],
)
def test_tensors_that_are_not_plain_numbers_are_named(tmp_path, tensor, kind):
    with pytest.raises(UserError, match=rf"net.pth is not a file of weights .*model.1.weight is {kind}"):
        read_weights(saved(tmp_path, {"model.1.weight": tensor()}))


def test_whole_numbers_in_place_of_weights_are_a_mismatch(tmp_path):
    file = saved(tmp_path, {"weight": torch.ones(1, 1, dtype=torch.int32)})
    with pytest.raises(UserError, match="1×1 int32 ≠ 1×1"):
        load_weights(nn.Linear(1, 1, bias=False), read_weights(file), str(file))


def test_a_training_state_and_packed_weights_are_recognised(tmp_path):
    with pytest.raises(UserError, match="not a file of network weights, but a training state"):
        read_weights(saved(tmp_path, {"state": {}, "optimizers": {}}))
    with pytest.raises(UserError, match="not a file of network weights, but holds netG, netD"):
        read_weights(saved(tmp_path, {"netG": {}, "netD": {}}))


def test_the_file_of_another_network_is_called_that(tmp_path):
    file = saved(tmp_path, {"features.0.weight": torch.ones(1)})
    with pytest.raises(UserError, match="It may be the file of another network"):
        load_weights(nn.Linear(1, 1), read_weights(file), str(file))


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    for path, kind in ((tmp_path / "pipe.pth", "a named pipe"), (tmp_path, "a folder"), ("/dev/zero", "a device")):
        with pytest.raises(UserError, match=f"it is {kind}"):
            read_weights(path)
