"""The formats of exported files: each writes a module and reads its file back as a function on arrays."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.export import Dim, ExportedProgram

from cut.commands import install
from cut.errors import UserError
from cut.export.exportable import Exportable

OPSETS = range(18, 24)
"""ONNX versions that torch's exporter writes and onnxruntime reads."""

Run = Callable[..., np.ndarray]  # arrays of the inputs → the translation
Facts = Mapping[str, str]
INPUTS, OUTPUT, FACTS = ("image", "style"), "translation", "facts.json"


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        suffix: of its name.
        write: puts a module and facts about it into a file; the last argument is the opset.
        read: opens a file with the library that users run it with.
    """

    suffix: str
    write: Callable[[Exportable, Path, Facts, int], None]
    read: Callable[[Path], Run]


def write_onnx(module: Exportable, file: Path, facts: Facts, opset: int) -> None:
    _require("onnx", "onnxscript")
    program = torch.onnx.export(
        _exported(module), dynamo=True, opset_version=opset, external_data=False, verbose=False, optimize=True,
        input_names=list(INPUTS[: 1 + module.takes_style]), output_names=[OUTPUT],
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
    for name, value in facts.items():
        model.metadata_props.add(key=name, value=value)
    file.write_bytes(model.SerializeToString())


def read_onnx(file: Path) -> Run:
    _require("onnxruntime")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda *arrays: session.run(None, dict(zip(INPUTS, arrays, strict=False)))[0]


def write_torchscript(module: Exportable, file: Path, facts: Facts, opset: int) -> None:
    with torch.no_grad():
        traced = torch.jit.trace(module, module.example, check_trace=False)
    torch.jit.save(traced, str(file), _extra_files={FACTS: json.dumps(facts)})


def read_torchscript(file: Path) -> Run:
    return _of_tensors(torch.jit.load(str(file), map_location="cpu"))


def write_torch_export(module: Exportable, file: Path, facts: Facts, opset: int) -> None:
    program = _exported(module)
    program.example_inputs = None  # else they are in the file
    torch.export.save(program, file, extra_files={FACTS: json.dumps(facts)})


def read_torch_export(file: Path) -> Run:
    # Its guards note how the example compared with its padded form, which nothing that is computed depends on.
    return _of_tensors(torch.export.load(file).module(check_guards=False))


FORMATS = {
    "onnx": Format(".onnx", write_onnx, read_onnx),
    "torchscript": Format(".torchscript.pt", write_torchscript, read_torchscript),
    "torch_export": Format(".pt2", write_torch_export, read_torch_export),
}


def _exported(module: Exportable) -> ExportedProgram:
    """The module as a graph; batch, height and width are left open."""
    image = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    shapes = {"image": image, "style": None} if module.takes_style else {"image": image}
    with torch.no_grad():
        return torch.export.export(module, module.example, dynamic_shapes=shapes, strict=False)


def _of_tensors(module: Callable) -> Run:
    def run(*arrays: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(*map(torch.from_numpy, arrays)).numpy()

    return run


def _require(*packages: str) -> None:
    """
    Raises:
        UserError: when one of the packages of the extra is missing.
    """
    from importlib.util import find_spec

    if missing := [name for name in packages if find_spec(name) is None]:
        raise UserError(f"ONNX needs {' and '.join(missing)}: {install('export')}.")


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporters say to their developers."""
    import contextlib
    import io
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
