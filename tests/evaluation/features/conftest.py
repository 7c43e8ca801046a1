"""No test reads or fills the cache of the person who runs it."""

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CUT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"
