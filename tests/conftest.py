"""Fixtures that tests in several rooms share."""

import pytest

from tests.evaluation.measured_run import data, extractor  # noqa: F401 a tiny run that is measured


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
