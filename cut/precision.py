"""In what numbers a run computes, and how its images lie in memory.

Weights, their gradients and Adam are in float32 whatever the precision. With bf16 the convolutions and products of the
networks are in bfloat16, which has the range of float32 and 8 bits of its precision, so that losses need no scaling.
What sums over many values or needs more digits stays in float32: statistics of norms, the vectors and logits of
PatchNCE, the losses, and penalties on gradients.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cut.errors import UserError
from cut.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.options import Options

    Network = TypeVar("Network", bound=nn.Module)


_WIDE = 64  # from this ngf on contiguous convolutions are faster: large ones by minimal filtering, others by themselves


class Arithmetic:
    """The device, the precision and the layout of a run, decided once.

    Args:
        precision: float32, tf32 (a GPU's: float32 with 10 bits of precision in products) or bf16.
        layout: contiguous, channels_last or auto.
        device: where the run computes.
        instance_norm: whether a network has it.
        width: the generator's filters in its first layer (ngf).
        convolutions: auto or direct: whether minimal filtering may compute 3×3 convolutions in training on a CPU.

    Attributes:
        layout: `torch.channels_last` or `torch.contiguous_format`.
        minimal: whether it does, where `Conv3x3` finds that it is faster.

    Raises:
        UserError: when the device has no such precision.
    """

    def __init__(
        self,
        precision: str = "float32",
        layout: str = "auto",
        device: torch.device | str = "cpu",
        instance_norm: bool = True,
        width: int = 64,
        convolutions: str = "auto",
    ) -> None:
        self.precision, self.device = precision, torch.device(device)
        _check(precision, self.device)
        if self.device.type == "cuda":
            _set_products(precision)
        if layout == "auto":
            # On a CPU narrow convolutions are faster channels-last in float32 too, but there the statistics of instance
            # norm are less exact.
            faster = precision == "bf16" or (self.device.type == "cpu" and width < _WIDE and not instance_norm)
            layout = "channels_last" if faster else "contiguous"
        self.layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.minimal = convolutions == "auto" and precision == "float32" and self.device.type == "cpu"

    @classmethod
    def of(cls, options: Options, device: torch.device | str) -> Arithmetic:
        """That of a run on a device."""
        norms = (options.networks.normG, getattr(options.discriminator, "normD", "none"))
        instance_norm = any("instance" in norm for norm in norms)
        width = options.networks.ngf
        return cls(options.run.precision, options.run.layout, device, instance_norm, width, options.run.convolutions)

    def describe(self) -> str:
        """For the start of a run: one sentence, and another where bfloat16 is likely to be the slower choice."""
        layout = "channels-last" if self.layout == torch.channels_last else "contiguous"
        said = f"Precision {self.precision}, {layout} images."
        if self.precision == "bf16" and self.device.type == "cpu" and _lacks_amx():
            said += (
                " This CPU has no AMX, without which bfloat16 saves memory but not time: --precision float32 is likely "
                "to be faster."
            )
        return said

    def region(self) -> AbstractContextManager:
        """A block in which networks compute in this precision. Weights are cast once in it: see `forget_casts`."""
        if self.precision != "bf16":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def forget_casts(self) -> None:
        """Call it after weights changed inside a region."""
        if self.precision == "bf16":
            torch.clear_autocast_cache()

    def place(self, network: Network) -> Network:
        """The network on the device, in this layout and with these convolutions, in place."""
        network.to(self.device)
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.dim() == 4:
                tensor.data = tensor.data.contiguous(memory_format=self.layout)
        for layer in network.modules():
            if hasattr(layer, "minimal"):  # a Conv3x3
                cast(Any, layer).minimal = self.minimal
        return network

    def images(self, images: Tensor) -> Tensor:
        """(B, C, H, W) on the device in this layout."""
        return images.to(self.device, non_blocking=True).contiguous(memory_format=self.layout)

    def batch(self, batch: Batch) -> Batch:
        """A batch with its images as `images` gives them."""
        return batch.map(self.images, lambda masks: masks.to(self.device, non_blocking=True))


def full(values: Tensor) -> Tensor:
    """Values in float32 if they were in fewer bits."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def exact(values: Tensor) -> AbstractContextManager:
    """A block in which a region's precision does not act on the device of these values."""
    kind = values.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def _check(precision: str, device: torch.device) -> None:
    if precision == "tf32":
        if device.type != "cuda":
            raise UserError("--precision tf32 is a precision of NVIDIA's GPUs: use float32 or bf16 on a CPU.")
        if torch.cuda.get_device_capability(device) < (8, 0):
            raise UserError("This GPU has no tf32, which came with compute capability 8.0: use --precision float32.")
    if precision == "bf16" and not _has_bf16(device):
        raise UserError(f"This {'GPU' if device.type == 'cuda' else 'CPU'} has no bfloat16: use --precision float32.")


def _set_products(precision: str) -> None:
    """How a GPU multiplies float32: PyTorch's default for convolutions is tf32, the published arithmetic is float32."""
    mode = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = mode
    torch.backends.cudnn.conv.fp32_precision = mode  # type: ignore[attr-defined]


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _lacks_amx() -> bool:
    """Whether this is an x86 processor that does not multiply matrices of bfloat16 in tiles, as AMX does."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX") and not torch.cpu._is_amx_tile_supported()
