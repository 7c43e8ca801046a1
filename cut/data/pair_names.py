"""Which files of two folders are pairs: those of equal names."""

from collections.abc import Sequence
from pathlib import Path

from cut.data.lists import common_folder


def aligned_pairs(source_files: Sequence[Path], target_files: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The files of two folders in pairs of equal names, sorted; empty when the names are not the same on both sides.

    A name is relative to the folder that holds all files of its side, and without its suffix. Where two
    files of one side share a name, it is ambiguous which is meant, and there are no pairs.
    """
    sides = [by_name(files, common_folder(files)) for files in (source_files, target_files)]
    unique = [len(side) for side in sides] == [len(source_files), len(target_files)]
    if not unique or sides[0].keys() != sides[1].keys():
        return []
    return [(sides[0][name], sides[1][name]) for name in sorted(sides[0])]


def by_name(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Files by their name relative to `folder`, without suffix, as halves of pairs share it; of several, the last."""
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}
