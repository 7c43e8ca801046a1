"""Initial weights by their command-line name."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import init

INITIALISATIONS: dict[str, Callable[[Tensor, float], object]] = {
    "normal": lambda weight, gain: init.normal_(weight, 0.0, gain),
    "xavier": lambda weight, gain: init.xavier_normal_(weight, gain=gain),
    "kaiming": lambda weight, gain: init.kaiming_normal_(weight, a=0, mode="fan_in"),
    "orthogonal": lambda weight, gain: init.orthogonal_(weight, gain=gain),
}


def initialise(network: nn.Module, kind: str = "xavier", gain: float = 0.02) -> nn.Module:
    """Draw the weights of every convolution, linear layer and batch norm anew, in place, from the global generator.

    Convolutions and linear layers follow `kind` with biases 0; batch-norm weights are N(1, gain). Layers of other
    types, such as the equalised ones of StyleGAN2, keep the weights they were made with.

    Args:
        kind: `normal`, `xavier`, `kaiming` or `orthogonal`.
        gain: standard deviation (`normal`) or scale (`xavier`, `orthogonal`); `kaiming` has none.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            INITIALISATIONS[kind](layer.weight, gain)
            if layer.bias is not None:
                init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            init.normal_(layer.weight, 1.0, gain)
            init.zeros_(layer.bias)
    return network
