"""Components that exist for one test."""

import pytest


@pytest.fixture
def register():
    """`register(registry, name, **details)`: a component that is gone after the test."""
    added = []

    def add(registry, name, factory=object, **details):
        registry.register(name, **details)(factory)
        added.append((registry, name))

    yield add
    for registry, name in added:
        del registry._entries[name]
