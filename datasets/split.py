"""Split images into train, val and test so that one patient, scene or place is never in two of them.

    python datasets/split.py scans_A scans_B --output splits --group_pattern 'patient(\\d+)'
    python datasets/split.py mr.csv ct.csv --output splits --group patient --val 0.1 --test 0.2
    python train.py --dataroot_A splits/scans_A.csv --dataroot_B splits/scans_B.csv --name mine

Each place is a folder, a .txt or .csv list, or a glob in quotes; its list goes to `--output` under its name, with the columns
path, group and split, after what a .csv has already. All places are split together: a group that is in both of them is in
the same split in both. test.py reads the rows of test (`--phase val`: those of val).

The groups are put in an order that depends on their names and the seed alone; the first ones become test, the next ones
val, until these have their shares of the images. The same images and seed give the same split on every machine.
"""

import argparse
import csv
import hashlib
import io
import os
import re
from collections import Counter
from pathlib import Path

from common import PreparationError, holding, run

# isort: split
from cut.data.files import images_at
from cut.data.lists import is_glob, is_list, table
from cut.errors import counted
from cut.training.atomic import write_atomically

Row = dict[str, str]


def main() -> None:
    arguments = parse_arguments()
    if not (arguments.val >= 0 and arguments.test >= 0 and arguments.val + arguments.test < 1):
        raise PreparationError("--val and --test are shares of the images; together they must be less than 1.")
    try:
        re.compile(arguments.group_pattern or "")
    except re.error as error:
        raise PreparationError(f"--group_pattern {arguments.group_pattern} is no pattern: {error}.") from None
    lists = {name: read(place, arguments) for name, place in named(arguments.places, arguments.output).items()}
    splits = assign(Counter(row["group"] for rows in lists.values() for row in rows), arguments)
    with holding(arguments.output):
        for name, rows in lists.items():
            for row in rows:
                row["split"] = splits[row["group"]]
            write_atomically(arguments.output / name, as_csv(rows))
            print(f"{arguments.output / name}: {summary(rows)}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", metavar="PLACE", help="images of one side, or of each")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the lists go")
    groups = parser.add_mutually_exclusive_group()
    groups.add_argument("--group", metavar="COLUMN", help="of the .csv lists: who or what an image shows")
    groups.add_argument("--group_pattern", metavar="REGEX", help="its group 1, or the whole match, in an image's path")
    groups.add_argument("--group_folder", action="store_true", help="the folder that an image is in")
    parser.add_argument("--val", type=float, default=0.1, help="share of the images (default %(default)s)")
    parser.add_argument("--test", type=float, default=0.1, help="share of the images (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another split (default %(default)s)")
    return parser.parse_args()


def named(places: list[str], output: Path) -> dict[str, str]:
    """The places by the names of their lists."""
    found: dict[str, str] = {}
    for place in places:
        name = re.sub(r"[^\w.-]+", "_", Path(place).stem if is_list(place) else Path(place).name).strip("_") + ".csv"
        if name in found:
            raise PreparationError(f"{found[name]} and {place} would both become {name}: rename one, or split it alone.")
        if (output / name).exists() and (output / name).resolve() == Path(place).resolve():
            raise PreparationError(f"{place} would be overwritten: give another --output.")
        found[name] = place
    return found


def read(place: str, arguments: argparse.Namespace) -> list[Row]:
    """The images of a place with their groups; paths are relative to the output."""
    if is_list(place) and Path(place).suffix.lower() == ".csv":
        rows, column = table(Path(place))
        files = [Path(place).parent / row[column] for row in rows]
    else:
        if not (Path(place).is_dir() or is_list(place) or is_glob(place)):
            raise PreparationError(f"There is no folder or list {place}.")
        files, column = images_at(Path(place))[1], "path"
        rows = [{"path": ""} for _ in files]
    if not rows:
        raise PreparationError(f"{place} holds no images.")
    found = []
    for row, file in zip(rows, files, strict=True):
        group = group_of(row, file, place, arguments)
        rest = {name: value for name, value in row.items() if name not in (column, "path", "group", "split")}
        found.append({"path": relative(file, arguments.output), **rest, "group": group})
    return found


def group_of(row: Row, file: Path, place: str, arguments: argparse.Namespace) -> str:
    if arguments.group is not None:
        if arguments.group not in row:
            raise PreparationError(f"{place} has no column {arguments.group}; it has {', '.join(row)}.")
        return row[arguments.group].strip()
    if arguments.group_pattern is not None:
        match = re.search(arguments.group_pattern, file.as_posix())
        if match is None:
            raise PreparationError(f"--group_pattern {arguments.group_pattern} is nowhere in {file}: mend it.")
        return match[1] if match.groups() else match[0]
    return file.parent.name if arguments.group_folder else row.get("group", "").strip() or file.stem


def relative(file: Path, folder: Path) -> str:
    """A path as the list in `folder` names it; absolute on another drive."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return file.resolve().as_posix()


def assign(sizes: Counter[str], arguments: argparse.Namespace) -> dict[str, str]:
    """The split of each group, given how many images it has."""
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{arguments.seed} {group}".encode()).digest())
    splits, total = {}, sizes.total()
    room = {"test": arguments.test * total, "val": arguments.val * total}  # images that are still wanted
    for group in order:
        # A group that would go more than half over the share is left for the next split.
        splits[group] = next((name for name in room if sizes[group] / 2 <= room[name]), "train")
        if splits[group] in room:
            room[splits[group]] -= sizes[group]
    wanted = [name for name, share in (("test", arguments.test), ("val", arguments.val)) if share > 0]
    if missing := [name for name in ("train", *wanted) if name not in splits.values()]:
        raise PreparationError(
            f"With {counted(len(sizes), 'group')} there is nothing left for {' and '.join(missing)}: give other shares, "
            "or smaller groups."
        )
    return splits


def as_csv(rows: list[Row]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def summary(rows: list[Row]) -> str:
    """ "train 80 images of 8 groups, val …"."""
    parts = []
    for split in ("train", "val", "test"):
        own = [row["group"] for row in rows if row["split"] == split]
        if own:
            parts.append(f"{split} {counted(len(own), 'image')} of {counted(len(set(own)), 'group')}")
    return ", ".join(parts)


if __name__ == "__main__":
    run(main)
