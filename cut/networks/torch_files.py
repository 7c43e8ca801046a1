"""Files of `torch.save`: read without running code, and in words what is wrong with those that are something else."""

import os
import string
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from cut.errors import is_out_of_memory
from cut.reading import open_regular, other_kind

_AGAIN = "download or copy it again"
_LFS = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<body")
_FORMATS = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89HDF", "an HDF5 file, as of Keras"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
)


class NotReadable(Exception):
    """A file is not what it should be.

    Attributes:
        reason: what it is, as a phrase ("it was cut short").
        advice: what to do, as a phrase.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


def read_torch_file(path: Path, mmap: bool = False) -> Any:
    """What `torch.save` wrote: tensors on the CPU, numbers, texts and containers, all tensors dense.

    Only such objects are unpickled, so a hostile file cannot run code.

    Args:
        mmap: leave the tensors on the disk until they are used.

    Raises:
        FileNotFoundError: when there is no such file.
        NotReadable: when it is anything else.
    """
    kind = other_kind(path)
    if kind is not None:
        raise NotReadable(f"it is {kind}", "put the file itself there")
    try:
        with open_regular(path) as stream:
            problem = _problem(stream)
            if problem is not None:
                raise NotReadable(*problem)
            with warnings.catch_warnings(action="ignore"):  # of kinds of tensors that are refused below
                content = torch.load(path if mmap else stream, map_location="cpu", weights_only=True, mmap=mmap)
            for name, tensor in tensors_in(content):
                kind = _odd_kind(tensor)
                if kind is not None:
                    raise NotReadable(f"{name or 'it'} is {kind}", "save it as dense tensors of ordinary numbers")
            return content
    except (NotReadable, FileNotFoundError):
        raise
    except OSError as error:
        raise NotReadable(error.strerror or str(error), "check the file and its permissions") from error
    except EOFError as error:
        raise NotReadable("it was cut short", _AGAIN) from error
    except Exception as error:  # a damaged or hostile file can fail in any way
        if is_out_of_memory(error):
            raise
        short = any(sign in str(error) for sign in ("unexpected EOF", "data was truncated", "Ran out of input"))
        reason = "it was cut short" if short else f"it is damaged or of another kind, {type(error).__name__}"
        raise NotReadable(reason, f"{_AGAIN}, or save plain weights in its place") from error


def tensors_in(content: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested containers, with the path to each."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, Mapping):
        for key, part in content.items():
            yield from tensors_in(part, f"{name}.{key}".lstrip("."))
    elif isinstance(content, (list, tuple)):
        for place, part in enumerate(content):
            yield from tensors_in(part, f"{name}.{place}".lstrip("."))


def _odd_kind(tensor: Tensor) -> str | None:
    """Why a tensor is no array of ordinary numbers; None when it is."""
    if tensor.is_quantized:
        return "quantized"
    if tensor.layout != torch.strided or tensor.is_nested:
        return "sparse"
    if tensor.device.type != "cpu":
        return f"on the device {tensor.device.type}, without numbers"
    if tensor.is_complex():
        return "complex"
    return None


def _problem(stream: BinaryIO) -> tuple[str, str] | None:
    """What is wrong with a file and what to do, as far as its first bytes and its table of contents show it."""
    begin = stream.read(1024)
    stream.seek(0)
    size = os.fstat(stream.fileno()).st_size
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not begin:
        return "it is empty", _AGAIN
    if text.startswith(_PAGES):
        return "it is a web page", "download the file itself, not the page that shows it"
    if begin.startswith(_LFS):
        return "it is a Git LFS pointer, which only says where the file is", "run git lfs pull in its repository"
    if begin[8:10] == b'{"' and int.from_bytes(begin[:8], "little") < size:
        return "it is a file of safetensors", "convert it to a state_dict and save it with torch.save"
    for magic, kind in _FORMATS:
        if begin.startswith(magic):
            return f"it is {kind}", "give the file of torch.save with the weights"
    if begin.startswith(b"PK"):
        return _problem_of_archive(stream, size)
    if all(byte in string.printable.encode() for byte in begin):
        return f"it is a text that begins with {begin[:30].decode()!r}", _AGAIN
    return None


def _problem_of_archive(stream: BinaryIO, size: int) -> tuple[str, str] | None:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    except Exception:  # its table of contents is at the end
        return "it was cut short or is damaged", _AGAIN
    finally:
        stream.seek(0)
    if not any(member.filename.endswith("data.pkl") for member in members):
        return "it is a zip archive of other files", "unpack it and give the file with the weights"
    if sum(member.file_size for member in members) > size:  # torch.save does not compress
        return "its table of contents claims more than the file holds", _AGAIN
    return None
