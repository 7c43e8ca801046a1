"""Dropout alone, and the share of a process of what all draw."""

import torch
from torch import nn

from cut.networks.dropout import Dropout
from cut.processes import dealing


def test_alone_it_is_pytorchs_own():
    maps = torch.randn(2, 3, 4, 5)
    torch.manual_seed(1)
    expected = nn.Dropout(0.3)(maps)
    torch.manual_seed(1)
    with dealing.dealing(2):
        assert torch.equal(Dropout(0.3)(maps), expected)
    assert torch.equal(Dropout(0.3).eval()(maps), maps)


def test_each_process_takes_its_own_of_every_set_of_images(monkeypatch):
    """Of two processes with two images each, in a pass over [source; target]."""
    monkeypatch.setattr(dealing, "count", lambda: 2)
    for rank, expected in ((0, [0, 1, 4, 5]), (1, [2, 3, 6, 7])):
        monkeypatch.setattr(dealing, "rank", lambda rank=rank: rank)
        with dealing.dealing(2):
            assert dealing.dealt(torch.arange, 4).tolist() == expected
        assert dealing.dealt(torch.arange, 4).tolist() == [0, 1, 2, 3]  # no step is under way


def test_the_layout_of_the_maps_stays(monkeypatch):
    monkeypatch.setattr(dealing, "count", lambda: 2)
    monkeypatch.setattr(dealing, "rank", lambda: 1)
    maps = torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    with dealing.dealing(1):
        dropped = Dropout(0.5)(maps)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
