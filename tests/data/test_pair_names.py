"""Which files are pairs."""

from pathlib import Path

import pytest

from cut.data.pair_names import aligned_pairs


def paths(*names):
    return [Path(name) for name in names]


def test_pairs_are_equal_names_whatever_their_suffix_and_order():
    sources, targets = paths("valA/x/1.png", "valA/2.jpg"), paths("valB/2.png", "valB/x/1.png")
    assert aligned_pairs(sources, targets) == [(sources[1], targets[0]), (sources[0], targets[1])]


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        (["valA/1.png"], ["valB/2.png"]),
        (["valA/1.png", "valA/2.png"], ["valB/1.png"]),
        (["valA/x/1.png", "valA/2.png"], ["valB/1.png", "valB/2.png"]),
        (["valA/1.png", "valA/1.jpg"], ["valB/1.png", "valB/1.jpg"]),
        ([], []),
    ],
)
def test_no_pairs_where_names_differ_or_stand_twice(sources, targets):
    assert aligned_pairs(paths(*sources), paths(*targets)) == []
