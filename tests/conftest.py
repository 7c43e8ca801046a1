"""Fixtures that tests in several rooms share."""

import signal

import pytest

from tests.documentation import site  # noqa: F401 the documentation site
from tests.evaluation.measured_run import data, extractor  # noqa: F401 a tiny run that is measured


def pytest_sessionstart():
    """Ctrl-C and SIGHUP act as usual also under nohup and in the background, where they are ignored at first."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture
def bfloat16(monkeypatch):
    """`--precision bf16` is taken on every CPU: PyTorch computes it where the processor cannot, though slowly."""
    monkeypatch.setattr("cut.precision._has_bf16", lambda device: True)


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
