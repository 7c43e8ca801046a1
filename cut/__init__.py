"""Unpaired image-to-image translation: CUT, FastCUT and SinCUT (Park et al., ECCV 2020), CycleGAN and others.

From Python:

    folder = cut.train(dataroot="my_data", name="mine")
    translate = cut.load(folder)  # or cut.load("checkpoints/mine")
    translate(Image.open("photo.jpg")).save("translated.png")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cut.api.loading import Translation, load
    from cut.api.training import train

__version__ = "0.1.0"
__all__ = ["Translation", "__version__", "load", "train"]

_HOMES = {"Translation": "cut.api.loading", "load": "cut.api.loading", "train": "cut.api.training"}


def __getattr__(name: str) -> Any:
    """`cut.train` and `cut.load` at their first use: `import cut` needs no PyTorch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
