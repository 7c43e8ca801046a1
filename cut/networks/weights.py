"""Weight files, exchangeable in both directions with those that the authors publish."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cut.errors import UserError
from cut.networks.torch_files import NotReadable, read_torch_file

_CONSTANT_BUFFERS = (".filt", ".kernel")  # fixed blur filters, which published files carry
_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
_TABLE_LINES = 10


def read_weights(
    path: Path | str, named: Path | str | None = None, explain_missing: bool = True, part: str = ""
) -> dict[str, Tensor]:
    """Read a file of weights: a plain `state_dict`, with or without a `module.` prefix on every name.

    A file may also hold those of several networks by name, as the authors of some methods publish them, and then `part`
    says whose are wanted: `gen_a` takes what is under `gen_a`, else what is under `a`.

    Only tensors and containers are unpickled, so a hostile file cannot run code.

    Args:
        path: the file.
        named: what messages call it; None for its path.
        explain_missing: report a missing file as a `UserError` too, not as a `FileNotFoundError`.
        part: name of the network.

    Raises:
        UserError: when the file is missing, broken, or holds something else, with what it is.
    """
    named = path if named is None else named
    try:
        weights = read_torch_file(Path(path))
    except FileNotFoundError:
        if not explain_missing:
            raise
        raise UserError(f"There is no weight file {named}.") from None
    except NotReadable as error:
        raise UserError(
            f"{named} is not a file of weights that can be read safely ({error.reason}): {error.advice}."
        ) from None
    if isinstance(weights, Mapping):
        names = (name for name in (part, part.rpartition("_")[2]) if isinstance(weights.get(name), Mapping))
        weights = weights.get(next(names, None), weights)
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise UserError(
            f"{named} is not a file of network weights{_instead(weights)}: it should map parameter names to tensors."
        )
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
    own, weights, rows = _compare(network, weights)
    if rows:
        shared = sum(name in own for name in weights)
        raise UserError(_mismatch(rows, origin, foreign=2 * shared < len(own)))
    network.load_state_dict(weights, strict=False)  # strict but for the filters, which were set aside above


def fits(network: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    """Whether `load_weights` would take these weights; the network may be on the meta device."""
    return not _compare(network, weights)[2]


def _compare(
    network: nn.Module, weights: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor], list[tuple[str, str, str]]]:
    """
    Returns:
        (own, given, rows): the weights of the network and of the file that count, and (name, shape in the file, shape
        in the network) of those that differ.
    """
    weights = {name: tensor for name, tensor in weights.items() if not name.endswith(_CONSTANT_BUFFERS)}
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(_CONSTANT_BUFFERS)}
    for name in [name for name in weights if name.endswith(_STATISTICS) and name not in own]:
        if f"{name.rpartition('.')[0]}.weight" not in weights:  # an affine layer is batch norm
            del weights[name]
    rows = []
    for name in dict.fromkeys([*own, *weights]):
        file, net = _form(weights.get(name)), _form(own.get(name))
        if file != net:
            rows.append((name if name.isprintable() and len(name) <= 80 else ascii(name[:80]), file, net))
    return own, weights, rows


def export_weights(network: nn.Module) -> dict[str, Tensor]:
    """The network's weights on the CPU under their published names, with the constant blur filters."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    for prefix, layer in network.named_modules():
        if hasattr(layer, "constant_buffers"):
            for name, tensor in layer.constant_buffers().items():
                weights[f"{prefix}.{name}"] = tensor.detach().cpu()
    return weights


def _instead(content: Any) -> str:
    """What a file holds instead of weights, as far as it is easy to tell, to follow "not a file of network weights"."""
    if not isinstance(content, Mapping):
        return ""
    if {"state", "optimizers"} <= content.keys():
        return ", but a training state"
    held = [str(name) for name, part in content.items() if isinstance(part, Mapping)]
    return f", but holds {', '.join(held[:5])}" if held else ""


def _form(tensor: Tensor | None) -> str:
    """Shape and, where they are not floating-point numbers, the kind of numbers."""
    if tensor is None:
        return "absent"
    shape = "×".join(map(str, tensor.shape)) or "scalar"
    return shape if tensor.is_floating_point() else f"{shape} {str(tensor.dtype).removeprefix('torch.')}"


def _mismatch(rows: list[tuple[str, str, str]], origin: str, foreign: bool) -> str:
    """
    Args:
        foreign: whether most names differ, which options of one network do not explain.
    """
    shown = rows if len(rows) <= _TABLE_LINES - 2 else rows[: _TABLE_LINES - 3]
    width = max(len(name) for name, _, _ in shown)
    advice = "Give the options that the run was trained with (--netG, --ngf, --normG, --no_antialias, …)."
    if foreign:
        advice = "It may be the file of another network (of the discriminator, say), or --netG is another."
    lines = [f"The weights in {origin} are of another architecture than the options describe (file ≠ network):"]
    lines += [f"  {name:<{width}}  {file} ≠ {net}" for name, file, net in shown]
    if len(shown) < len(rows):
        lines.append(f"  … and {len(rows) - len(shown)} more")
    lines.append(advice)
    return "\n".join(lines)
