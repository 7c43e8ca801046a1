"""Every option there is: those of the groups and the own ones of whatever is registered by now."""

import dataclasses

from cut.options.field import Declaration, declarations
from cut.options.groups import GROUPS
from cut.registry import DATASETS, DISCRIMINATORS, GAN_LOSSES, GENERATORS, HEADS, MODELS, Registry

COMPONENTS = (GENERATORS, DISCRIMINATORS, HEADS, DATASETS, GAN_LOSSES)
"""The registries whose own options are always taken; those of a model only when it is chosen."""


def catalogue() -> dict[str, Declaration]:
    """All options by name, in the order in which they are shown.

    Raises:
        ValueError: when two components declare the same name differently.
    """
    known: dict[str, Declaration] = {}
    for group in GROUPS.values():
        known |= {item.name: item for item in declarations(group, _heading(group))}
    for registry in (*COMPONENTS, MODELS):
        for declaration in own_options(registry):
            add(known, declaration)
    return known


def own_options(registry: Registry) -> list[Declaration]:
    """The own options of a registry's components, with what follows from the kind of component."""
    structure = registry in (GENERATORS, DISCRIMINATORS, HEADS, DATASETS)
    found: list[Declaration] = []
    for entry in registry.entries():
        if entry.options is None:
            continue
        owners = [other.name for other in registry.entries() if other.options is entry.options]
        models = tuple(owners) if registry is MODELS else ()
        for item in declarations(entry.options, f"Own options of --{registry.option} {', '.join(owners)}", models):
            fixed = structure if item.fixed is None else item.fixed
            from_training = registry is GENERATORS if item.from_training is None else item.from_training
            found.append(dataclasses.replace(item, fixed=fixed, from_training=from_training))
    return found


def add(known: dict[str, Declaration], new: Declaration) -> None:
    """Add a component's option; components may share one that they declare alike."""
    old = known.setdefault(new.name, new)
    if dataclasses.replace(old, group=new.group, models=new.models) != new:
        raise ValueError(f"the option {new.name} is declared differently in {old.group!r} and {new.group!r}")
    everywhere = not old.models or not new.models
    models = () if everywhere else tuple(dict.fromkeys(old.models + new.models))
    known[new.name] = dataclasses.replace(old, models=models)


def _heading(group: type) -> str:
    """The first sentence of a group's docstring; its name where python -OO removed that."""
    return (group.__doc__ or group.__name__).split(".")[0]
