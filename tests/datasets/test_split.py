"""Splits by group: no group in two of them, the same ones every time."""

import csv

import pytest
import split
from common import PreparationError


@pytest.fixture
def sides(tmp_path):
    """Two sides with images of the same twenty patients, three each on side A."""
    for side, count in (("A", 3), ("B", 1)):
        (tmp_path / side).mkdir()
        for patient in range(20):
            for number in range(count):
                (tmp_path / side / f"patient{patient:02}_{number}.png").touch()
    return tmp_path


def rows(file):
    with open(file, encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def of_groups(file):
    found = {}
    for row in rows(file):
        found.setdefault(row["group"], set()).add(row["split"])
    return found


PATTERN = ("--group_pattern", r"patient(\d+)")


def test_no_group_is_in_two_splits_of_either_side(sides, run_main, capsys):
    run_main(split, sides / "A", sides / "B", "--output", sides / "out", *PATTERN)
    a, b = (of_groups(sides / f"out/{side}.csv") for side in "AB")
    assert a == b and all(len(found) == 1 for found in a.values()) and len(a) == 20
    assert [sum(found == {name} for found in a.values()) for name in ("train", "val", "test")] == [16, 2, 2]
    assert "train 48 images of 16 groups, val 6 images of 2 groups" in capsys.readouterr().out
    assert all((sides / "out" / row["path"]).is_file() for row in rows(sides / "out/A.csv"))


def test_it_depends_on_names_and_seed_alone(sides, run_main):
    contents = []
    for folder, seed in (("one", 0), ("two", 0), ("three", 1)):
        run_main(split, sides / "A", "--output", sides / folder, *PATTERN, "--seed", seed)
        contents.append((sides / folder / "A.csv").read_text())
    assert contents[0] == contents[1] != contents[2]


def test_columns_of_a_list_are_kept(sides, run_main):
    lines = [f"A/patient{patient:02}_0.png,{patient // 2},{patient}" for patient in range(20)]
    (sides / "scans.csv").write_text("file,site,age\n" + "\n".join(lines) + "\n")
    run_main(split, sides / "scans.csv", "--output", sides / "out", "--group", "site", "--val", "0.2", "--test", "0")
    found = rows(sides / "out/scans.csv")
    assert list(found[0]) == ["path", "site", "age", "group", "split"]
    assert {row["split"] for row in found} == {"train", "val"} and found[3]["age"] == "3"
    assert all(row["group"] == row["site"] for row in found) and len(of_groups(sides / "out/scans.csv")) == 10


def test_one_large_group_stays_whole(sides, run_main):
    for number in range(100):
        (sides / "A" / f"patient99_{number}.png").touch()
    run_main(split, sides / "A", "--output", sides / "out", *PATTERN)
    assert of_groups(sides / "out/A.csv")["99"] == {"train"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("A", "--group_pattern", "scene_(.)"), "scene_.* is nowhere in"),
        (("A", "--val", "0.6", "--test", "0.5"), "together they must be less than 1"),
        (("C",), "There is no folder or list"),
        (("A", "--group_folder"), "With 1 group there is nothing left for test and val"),
        (("a.csv", "--group", "site"), "has no column site; it has path"),
    ],
)
def test_what_cannot_be_split(sides, run_main, words, problem):
    (sides / "a.csv").write_text("path\nA/patient00_0.png\n")
    with pytest.raises(PreparationError, match=problem):
        run_main(split, sides / words[0], *words[1:], "--output", sides / "out")
    assert not (sides / "out").exists()
