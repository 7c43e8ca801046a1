"""PyTorch, imported at its first use.

Methods and losses take `torch` from here, so that `--help` and `--dry_run` can read their options without the two
seconds that importing PyTorch takes. A plain `import torch` works as well; only the help is slower.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class LazyModule(ModuleType):
    """Stands in for a module, which is imported when an attribute of it is first needed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # requested by tools that inspect modules, such as doctest
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


if TYPE_CHECKING:
    import torch
    import torch.nn.functional as functional
else:
    torch = LazyModule("torch")
    functional = LazyModule("torch.nn.functional")

__all__ = ["functional", "torch"]
