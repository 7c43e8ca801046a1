"""Every option that a method takes: the shared groups, its own, and those of the components it can choose."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from cut.options.groups import GROUPS
from cut.options.machinery.declare import Declaration, declarations
from cut.registry import (
    DATASETS,
    DISCRIMINATORS,
    GAN_LOSSES,
    GENERATORS,
    HEADS,
    MODELS,
    NCE_LOSSES,
    NCE_SAMPLERS,
    Entry,
    Registry,
)

COMPONENTS = (GENERATORS, DISCRIMINATORS, HEADS, DATASETS, GAN_LOSSES, NCE_LOSSES, NCE_SAMPLERS)
"""A registry's own options belong to the methods that take the option which chooses from it."""

OF_METHOD = "method"
"""The attribute of `Options` that holds what a method declares itself."""


def catalogue(model: str) -> dict[str, Declaration]:
    """The options of a method by name, in the order in which they are shown.

    Args:
        model: name of the method; the shared options alone where there is none of this name.

    Raises:
        ValueError: when two components declare the same name differently.
    """
    entry = MODELS.get(model)
    known: dict[str, Declaration] = {}
    for attribute, group in GROUPS.items():
        if entry is not None and entry.options is not None and attribute == "training":  # what is learned, then how
            for declaration in declarations(entry.options, _heading(entry.options)):
                _add(known, declaration)
        if entry is None or attribute not in entry.without:
            known |= {item.name: item for item in declarations(group, _heading(group))}
    for registry in COMPONENTS:
        if registry.option in known:
            for declaration in own_options(registry):
                _add(known, declaration)
    return known


def everything() -> dict[str, Declaration]:
    """The options of all methods by name; of a name that several declare, the first method's."""
    found: dict[str, Declaration] = {}
    for model in MODELS.names():
        found = catalogue(model) | found
    return found


def owners(name: str) -> list[str]:
    """The methods that take an option."""
    return [model for model in MODELS.names() if name in catalogue(model)]


def chosen_entries(values: Mapping[str, Any]) -> list[Entry]:
    """The method and the components that these values choose, as far as they exist."""
    found = [registry.get(values.get(registry.option, "")) for registry in (MODELS, *COMPONENTS)]
    return [entry for entry in found if entry is not None]


def published_names(model: str) -> dict[str, tuple[str, ...]]:
    """The published names that options of a method, or of the components it can choose, have → their names here."""
    known = catalogue(model)
    entries = [entry for registry in COMPONENTS if registry.option in known for entry in registry.entries()]
    if own := MODELS.get(model):
        entries.append(own)
    return {alias: names for entry in entries for alias, names in entry.aliases.items()}


def choices_for(name: str) -> dict[str, list[str]]:
    """The choices without which an option of a loss or a sampler does nothing: {"nce_loss": ["hdce"]} for HDCE_gamma.

    Those of networks are left out: published command lines give them to networks that do not have them.

    Args:
        name: of the option, or a published name of one.
    """
    found = {
        registry.option: [entry.name for entry in registry.entries() if name in _own_names(entry)]
        for registry in (GAN_LOSSES, NCE_LOSSES, NCE_SAMPLERS)
    }
    return {option: takers for option, takers in found.items() if takers}


def _own_names(entry: Entry) -> set[str]:
    fields = dataclasses.fields(entry.options) if entry.options else ()
    return {field.name for field in fields} | entry.aliases.keys()


def under_own_names(values: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Values by this program's names; a published name may stand for several."""
    aliases = published_names(model)
    return {own: value for name, value in values.items() for own in aliases.get(name, (name,))}


def own_options(registry: Registry) -> list[Declaration]:
    """The own options of a registry's components, with what follows from the kind of component."""
    structure, entries = registry in (GENERATORS, DISCRIMINATORS, HEADS, DATASETS), registry.entries()
    found: list[Declaration] = []
    for entry in entries:
        if entry.options is not None:
            names = ", ".join(other.name for other in entries if other.options is entry.options)
            found += _of_component(
                entry.options, f"Options of --{registry.option} {names}", structure, registry is GENERATORS
            )
    return found


@cache
def _of_component(group: type, heading: str, structure: bool, generator: bool) -> tuple[Declaration, ...]:
    return tuple(
        dataclasses.replace(
            item,
            fixed=structure if item.fixed is None else item.fixed,
            from_training=generator if item.from_training is None else item.from_training,
        )
        for item in declarations(group, heading)
    )


def _add(known: dict[str, Declaration], new: Declaration) -> None:
    """Add an option; components may share one that they declare alike."""
    old = known.setdefault(new.name, new)
    if old is not new and dataclasses.replace(old, group=new.group) != new:
        raise ValueError(f"the option {new.name} is declared differently in {old.group!r} and {new.group!r}")


def _heading(group: type) -> str:
    """The first sentence of a group's docstring; its name where python -OO removed that."""
    return (group.__doc__ or group.__name__).split(".")[0]
