"""Name → component. The command line's choices and `--help` are read from these tables.

To add a component, write one file in the package of its kind (`cut/networks/` for a generator) and register it there:

    @GENERATORS.register("my_generator", options=MyOptions)
    class MyGenerator(nn.Module): ...

`options` is a frozen dataclass of the component's own command-line options (fields declared with `cut.options.option`).
The file is found automatically. A package may also declare what its files register (`Registry.declare`): then a file is
imported only when its component is made, and `--help` need not wait for PyTorch.
"""

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cut.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One registered component.

    Attributes:
        name: what the user writes.
        make: the class or function that makes the component; None as long as it is only declared.
        module: where it is registered.
        options: dataclass of the component's own options, or None.
        defaults: defaults of options where this component is chosen, by phase, `{"train": {...}, "test": {...}}`.
        aliases: published names of options → the names that they stand for here, `{"norm": ("normG", "normD")}`.
        title: from the options of a run, what the choice adds to the run's name in reports. Without it that is `name`,
            and for a method its label and preset.
        titled: the options besides the choice itself that the title tells apart.
        rules: checks of options that only make sense together where it is chosen (`cut.options.Rule`).

    The others are for methods (`--model`):

    Attributes:
        also: other names that users may write for it.
        label: its display name, in reports and on pages.
        presets: files in `configs/` by name of the preset.
        preset_option: the option that chooses one of the presets.
        with_components: by the name of a component, defaults of options where the method has it.
        without: shared groups of options that it does not take, such as `("discriminator",)`.
        phases: the scripts that take it.
    """

    name: str
    make: Callable[..., Any] | None
    module: str = ""
    options: type | None = None
    also: tuple[str, ...] = ()
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    title: Callable[[Mapping[str, Any]], str] | None = None
    titled: tuple[str, ...] = ()
    rules: tuple[Any, ...] = ()
    label: str = ""
    presets: Mapping[str, str] = field(default_factory=dict)
    preset_option: str = "CUT_mode"
    with_components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    phases: tuple[str, ...] = ("train", "test")
    registry: "Registry | None" = field(default=None, repr=False, compare=False)

    @property
    def factory(self) -> Callable[..., Any]:
        """The class or function; its file is imported now if it was not yet.

        Raises:
            LookupError: when that file does not register what was declared for it.
        """
        if self.make is not None:
            return self.make
        importlib.import_module(self.module)
        make = self.registry[self.name].make if self.registry else None
        if make is None:
            raise LookupError(f"{self.module} does not register {self.name!r}, which was declared for it")
        return make

    def accepts(self, argument: str) -> bool:
        """Whether the class or function names this argument in its signature."""
        return argument in inspect.signature(self.factory).parameters


class Registry:
    """The components of one kind, by name.

    Args:
        kind: what the components are, for messages ("generator").
        option: the command-line option that chooses one ("netG").
        package: the package whose files register them.
    """

    def __init__(self, kind: str, option: str, package: str) -> None:
        self.kind = kind
        self.option = option
        self.package = package
        self._entries: dict[str, Entry] = {}

    def declare(self, module: str, *names: str, **details: Any) -> None:
        """Say what a file will register, so that it is imported only when one of the components is made.

        Args:
            module: full name of the file's module.
            names: what it registers.
            details: the other fields of `Entry`, the same for all names.
        """
        for name in names:
            self._add(Entry(name, None, module, registry=self, **details))

    def register(self, name: str, **details: Any) -> Callable[[Callable], Callable]:
        """Decorator that adds a class or function under `name`; `details` are the other fields of `Entry`."""

        def add(make: Callable) -> Callable:
            declared = self._entries.get(name)
            if declared is not None and declared.make is None and declared.module in sys.modules:
                self._entries[name] = replace(declared, make=make, **details)
            else:
                self._add(Entry(name, make, getattr(make, "__module__", ""), registry=self, **details))
            return make

        return add

    def names(self) -> list[str]:
        self._discover()
        return sorted(self._entries)

    def entries(self) -> list[Entry]:
        return [self._entries[name] for name in self.names()]

    def also(self) -> dict[str, str]:
        """The names that components have besides their own → their own."""
        return {other: entry.name for entry in self.entries() for other in entry.also}

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def get(self, name: str) -> Entry | None:
        return self._entries[name] if name in self else None

    def __getitem__(self, name: str) -> Entry:
        if name not in self:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(f"There is no {self.kind} {name!r}: {hint}--{self.option} takes {', '.join(self.names())}.")
        return self._entries[name]

    def build(self, name: str, **available: Any) -> Any:
        """Make the component, passing it those of `available` that its signature names."""
        make = self[name].factory
        wanted = inspect.signature(make).parameters
        return make(**{key: value for key, value in available.items() if key in wanted})

    def _add(self, entry: Entry) -> None:
        if entry.name in self._entries:
            raise ValueError(f"there is already a {self.kind} named {entry.name!r}")
        self._entries[entry.name] = entry

    def _discover(self) -> None:
        """Import the files of the package that register something which its `__init__` has not declared."""
        if self.package in _discovered:
            return
        _discovered.add(self.package)
        package = importlib.import_module(self.package)
        declared = {entry.module for registry in REGISTRIES for entry in registry._entries.values()}
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            if module.ispkg or module.name in declared:
                continue
            spec = importlib.util.find_spec(module.name)
            if spec and spec.origin and _REGISTERS.search(Path(spec.origin).read_text(encoding="utf-8")):
                importlib.import_module(module.name)


_REGISTERS = re.compile(r"^\s*@?[A-Z_]+\.register\(", re.MULTILINE)
_discovered: set[str] = set()  # packages whose files are known

MODELS = Registry("method", "model", "cut.models")
GENERATORS = Registry("generator", "netG", "cut.networks")
DISCRIMINATORS = Registry("discriminator", "netD", "cut.networks")
HEADS = Registry("patch projection head", "netF", "cut.networks")
DATASETS = Registry("data set mode", "dataset_mode", "cut.data")
GAN_LOSSES = Registry("GAN loss", "gan_mode", "cut.losses")
NCE_LOSSES = Registry("form of PatchNCE", "nce_loss", "cut.losses")
NCE_SAMPLERS = Registry("choice of patches", "nce_sampler", "cut.networks")
EXTRACTORS = Registry("feature extractor", "feature_extractor", "cut.evaluation.features.extractors")
REGISTRIES = (MODELS, GENERATORS, DISCRIMINATORS, HEADS, DATASETS, GAN_LOSSES, NCE_LOSSES, NCE_SAMPLERS, EXTRACTORS)
