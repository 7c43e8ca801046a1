"""A place to translate in."""

import pytest

from cut.options import test_options
from tests.evaluation.tiny_run import ARCHITECTURE, save_generator


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A current folder with the weights of run `tiny`, and a function that makes options for it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "checkpoints/tiny")
    return lambda *arguments: test_options(["--name", "tiny", "--gpu_ids", "-1", *ARCHITECTURE, *arguments])
