"""The weights of extractors: read with their hash, which messages name and caches depend on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from cut.errors import UserError
from cut.evaluation.features.feature_cache import file_hash
from cut.networks.weights import read_weights


def read_extractor_weights(file: Path, advice: str) -> tuple[dict[str, Tensor], str]:
    """The weights in a file, and its SHA-256.

    Raises:
        UserError: when it is missing; when it is damaged, with its hash and `advice`.
    """
    digest = hash_of_weights(file, advice)
    try:
        weights = read_weights(file)
        if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
            raise UserError(f"{file} holds weights that are not finite numbers.")
    except UserError as error:
        raise UserError(f"{str(error).rstrip('.')}: it is damaged (SHA-256 {digest}); {advice}.") from error
    return weights, digest


def hash_of_weights(file: Path, advice: str) -> str:
    """The SHA-256 of a file of weights.

    Raises:
        UserError: when it is missing.
    """
    if not file.is_file():
        raise UserError(f"There is no weight file {file}; {advice}.")
    return file_hash(file)


@contextmanager
def loading(file: Path, digest: str, advice: str) -> Iterator[None]:
    """A block that copies the weights of a file into an extractor, of which every name and shape must match.

    Raises:
        UserError: when they are of another network, with the file's hash.
    """
    try:
        yield
    except RuntimeError:
        raise UserError(f"{file} (SHA-256 {digest}) holds the weights of another network; {advice}.") from None
