"""A run in miniature for the tests of the listeners."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cut.options import Options, train_options


@pytest.fixture
def make_options(tmp_path: Path) -> Callable[..., Options]:
    """Options of a run called "run" in the test's folder, from what is added to the command line."""

    def make(*arguments: str) -> Options:
        return train_options(["--dataroot", "x", "--name", "run", "--checkpoints_dir", str(tmp_path), *arguments])

    return make
