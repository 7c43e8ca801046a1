"""Reads what Weights & Biases keeps of a run without a network: `wandb/offline-run-…/run-ID.wandb`."""

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 2**15  # bytes: the file is a log of LevelDB after seven bytes of W&B's own
HEADER = struct.Struct("<IHB")  # of a part: checksum, length, kind
WHOLE, FIRST, LAST = 1, 2, 4


@dataclass
class Kept:
    """One process's part of a run: its id, its configuration, and its rows by step."""

    id: str = ""
    project: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    finished: bool = False


def kept(folder: Path) -> list[Kept]:
    """What each process left in the folder of a run, oldest first."""
    import wandb

    wandb.teardown()  # waits for W&B's own process, which writes the files
    return [_read(file) for file in sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=os.path.getmtime)]


def _read(file: Path) -> Kept:
    from wandb.proto.wandb_internal_pb2 import Record

    result = Kept()
    for content in _records(file.read_bytes()):
        record = Record.FromString(content)
        if record.HasField("run"):
            result.id, result.project = record.run.run_id, record.run.project
            result.config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        elif record.HasField("history"):
            items = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            result.rows[items.pop("_step")] = {name: one for name, one in items.items() if not name.startswith("_")}
        elif record.HasField("exit"):
            result.finished = True
    return result


def _records(content: bytes) -> Iterator[bytes]:
    place, parts = 7, b""
    while place + HEADER.size <= len(content):
        if BLOCK - place % BLOCK < HEADER.size:  # no room for a part's header
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = HEADER.unpack_from(content, place)
        place += HEADER.size
        parts = content[place : place + length] if kind in (WHOLE, FIRST) else parts + content[place : place + length]
        place += length
        if kind in (WHOLE, LAST):
            yield parts
