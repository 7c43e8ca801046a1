"""Weight files, exchangeable in both directions with those that the authors publish."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from cut.errors import UserError

_CONSTANT_BUFFERS = (".filt", ".kernel")  # fixed blur filters, which published files carry
_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
_TABLE_LINES = 10


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Read a file of weights: a plain `state_dict`, with or without a `module.` prefix on every name.

    Only tensors and containers are unpickled, so a hostile file cannot run code.

    Raises:
        UserError: when the file is missing, broken, or holds something else.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"There is no weight file {path}.") from None
    except Exception as error:  # a damaged or hostile file can fail in any way
        raise UserError(f"{path} is not a file of weights that can be read safely ({type(error).__name__}).") from None
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise UserError(f"{path} is not a file of network weights: it should map parameter names to tensors.")
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], origin: str) -> None:
    """Copy weights into a network, exactly: every name and shape must match.

    Args:
        network: what to fill.
        weights: as from `read_weights`; constant blur filters are ignored, and so are the running statistics that
            instance norm kept before PyTorch 0.4, where the network has none.
        origin: where the weights are from, for messages.

    Raises:
        UserError: with a table of at most ten lines of what does not match.
    """
    weights = {name: tensor for name, tensor in weights.items() if not name.endswith(_CONSTANT_BUFFERS)}
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(_CONSTANT_BUFFERS)}
    for name in [name for name in weights if name.endswith(_STATISTICS) and name not in own]:
        if f"{name.rpartition('.')[0]}.weight" not in weights:  # an affine layer is batch norm
            del weights[name]
    rows = []
    for name in dict.fromkeys([*own, *weights]):
        file, net = _shape(weights.get(name)), _shape(own.get(name))
        if file != net:
            rows.append((name, file, net))
    if rows:
        raise UserError(_mismatch(rows, origin))
    network.load_state_dict(weights, strict=False)  # strict but for the filters, which were set aside above


def export_weights(network: nn.Module) -> dict[str, Tensor]:
    """The network's weights on the CPU under their published names, with the constant blur filters."""
    weights = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    for prefix, layer in network.named_modules():
        if hasattr(layer, "constant_buffers"):
            for name, tensor in layer.constant_buffers().items():
                weights[f"{prefix}.{name}"] = tensor.detach().cpu()
    return weights


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else "×".join(map(str, tensor.shape)) or "scalar"


def _mismatch(rows: list[tuple[str, str, str]], origin: str) -> str:
    shown = rows if len(rows) <= _TABLE_LINES - 2 else rows[: _TABLE_LINES - 3]
    width = max(len(name) for name, _, _ in shown)
    lines = [f"The weights in {origin} are of another architecture than the options describe (file ≠ network):"]
    lines += [f"  {name:<{width}}  {file} ≠ {net}" for name, file, net in shown]
    if len(shown) < len(rows):
        lines.append(f"  … and {len(rows) - len(shown)} more")
    lines.append("Give the options that the run was trained with (--netG, --ngf, --normG, --no_antialias, …).")
    return "\n".join(lines)
