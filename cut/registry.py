"""Name → component. The command line's choices and `--help` are read from these tables.

To add a component, write one file in the package of its kind (`cut/networks/` for a generator) and register it there:

    @GENERATORS.register("my_generator", options=MyOptions)
    class MyGenerator(nn.Module): ...

`options` is a frozen dataclass of the component's own command-line options (fields declared with `cut.options.option`).
"""

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cut.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One registered component.

    Attributes:
        name: what the user writes.
        factory: the class or function that makes the component.
        options: dataclass of the component's own options, or None.
        defaults: option defaults of a model by phase, `{"train": {...}, "test": {...}}`.
        presets: files in `configs/` by the name that `--CUT_mode` takes (models only).
    """

    name: str
    factory: Callable[..., Any]
    options: type | None = None
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presets: Mapping[str, str] = field(default_factory=dict)


class Registry:
    """The components of one kind, by name.

    Args:
        kind: what the components are, for messages ("generator").
        option: the command-line option that chooses one ("netG").
    """

    def __init__(self, kind: str, option: str) -> None:
        self.kind = kind
        self.option = option
        self._entries: dict[str, Entry] = {}

    def register(self, name: str, **details: Any) -> Callable[[Callable], Callable]:
        """Decorator that adds a class or function under `name`; `details` are the other fields of `Entry`."""

        def add(factory: Callable) -> Callable:
            if name in self._entries:
                raise ValueError(f"there is already a {self.kind} named {name!r}")
            self._entries[name] = Entry(name, factory, **details)
            return factory

        return add

    def names(self) -> list[str]:
        return sorted(self._entries)

    def entries(self) -> list[Entry]:
        return [self._entries[name] for name in self.names()]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(f"There is no {self.kind} {name!r}: {hint}--{self.option} takes {', '.join(self.names())}.")
        return self._entries[name]

    def build(self, name: str, **available: Any) -> Any:
        """Make the component, passing it those of `available` that its signature names."""
        factory = self[name].factory
        wanted = inspect.signature(factory).parameters
        return factory(**{key: value for key, value in available.items() if key in wanted})


MODELS = Registry("model", "model")
GENERATORS = Registry("generator", "netG")
DISCRIMINATORS = Registry("discriminator", "netD")
HEADS = Registry("patch projection head", "netF")
DATASETS = Registry("data set mode", "dataset_mode")
GAN_LOSSES = Registry("GAN loss", "gan_mode")
EXTRACTORS = Registry("feature extractor", "feature_extractor")
