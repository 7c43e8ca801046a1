"""Write a generator to a file, and compare what the file makes with what PyTorch makes before anybody relies on it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cut.errors import UserError, is_out_of_memory
from cut.export.exportable import Exportable, narrow_weights
from cut.export.formats import FORMATS, Facts, quiet
from cut.training.atomic import make_folder, write_atomically

TOLERANCE = 1e-4  # of values in [−1, 1]; an 8-bit step is 8e-3
SIZES = ((1, 64, 96), (2, 81, 53), (1, 131, 200))  # images, height, width; most are no multiples
WEIGHTS = {"float32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Exported:
    """A file that was written and checked.

    Attributes:
        difference: the largest between the file's translations and PyTorch's, on every size of `SIZES`.
        rounding: the largest between the translations with stored weights and with float32 ones.
    """

    file: Path
    difference: float
    rounding: float


def export(
    module: Exportable, file: Path, kind: str = "onnx", facts: Facts | None = None, opset: int = 18,
    weights: str = "float32",
) -> Exported:  # fmt: skip
    """Write a file, and check it on three sizes.

    Args:
        module: changed in place where the weights are stored in fewer bits.
        kind: a name of `FORMATS`.
        facts: what the file says about itself.
        opset: version of ONNX's operators.
        weights: a name of `WEIGHTS`, the type that they are stored in.

    Raises:
        UserError: when it cannot be exported or differs by more than `TOLERANCE`; no file is left.
    """
    form = FORMATS[kind]
    before = [_translated(module, size) for size in SIZES]
    if weights != "float32":
        narrow_weights(module, WEIGHTS[weights])
    expected = [_translated(module, size) for size in SIZES]
    rounding = max(float(np.abs(one - other).max()) for one, other in zip(before, expected, strict=True))
    make_folder(file.parent)
    draft = file.with_name(f".{file.name}.part")
    try:
        try:
            with quiet():
                form.write(module, draft, facts or {}, opset)
                run = form.read(draft)
                found = [run(*(one.numpy() for one in module.inputs(*size))) for size in SIZES]
        except UserError:
            raise
        except OSError as error:
            raise UserError(
                f"{file} cannot be written ({error.strerror or error}): make room, or check the folder's permissions."
            ) from error
        except Exception as error:  # exporters raise exceptions of many kinds
            if is_out_of_memory(error):
                raise
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise UserError(f"This generator cannot be exported as {kind} ({reason[:200].rstrip('.')}): "
                            "choose another --format or --opset.") from error  # fmt: skip
        difference = max(
            float(np.abs(one - other).max()) if one.shape == other.shape else np.inf
            for one, other in zip(found, expected, strict=True)
        )
        if not difference <= TOLERANCE:
            raise UserError(
                f"The exported file differs from PyTorch by {difference:.1e}, more than {TOLERANCE:.0e}, so it was not "
                "kept: choose another --format or --opset."
            )
        write_atomically(file, draft.read_bytes())
    finally:
        draft.unlink(missing_ok=True)
    return Exported(file, difference, rounding)


def _translated(module: Exportable, size: tuple[int, int, int]) -> np.ndarray:
    with torch.no_grad():
        return module(*module.inputs(*size)).numpy()
