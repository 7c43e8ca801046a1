"""The weights in a TorchScript archive, read without running what the archive contains."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_STORAGES = {
    "HalfStorage": torch.float16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}


def read_torchscript(file: Path) -> dict[str, Tensor]:
    """Every tensor of the archived module by its name.

    `torch.jit.load`, which is deprecated, would run the archive's own code to restore it.

    Raises:
        Exception: of many kinds, when it is something else or damaged.
    """
    with zipfile.ZipFile(file) as archive:
        folder = archive.namelist()[0].split("/")[0]
        module = _Unpickler(archive, folder).load()
    return dict(_tensors(module, ""))


class _Object:
    """A module of the archive, of whatever class: its attributes alone."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(self._record(archive, f"{folder}/data.pkl")))
        self.archive, self.folder = archive, folder

    @staticmethod
    def _record(archive: zipfile.ZipFile, name: str) -> bytes:
        if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed, which PyTorch does not do")
        return archive.read(name)

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Object
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda values, offset, size, stride, *_: values.as_strided(size, stride, offset)
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle":  # lists of numbers
            return lambda values, *_: values
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a module's weights")

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, _, _ = pid
        return torch.frombuffer(bytearray(self._record(self.archive, f"{self.folder}/data/{key}")), dtype=dtype)


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, _Object):
        for key, part in vars(value).items():
            yield from _tensors(part, f"{name}.{key}" if name else key)
