"""Where patches are drawn."""

import torch

from cut.models.draws import draw_positions


def test_draws_are_distinct_uniform_and_never_more_than_there_are():
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([draw_positions((4, 5), 6, generator) for _ in range(2000)])
    assert all(len(set(draw.tolist())) == 6 for draw in draws[:50])
    counts = draws.flatten().bincount(minlength=20) / draws.numel()
    assert len(counts) == 20 and (counts - 1 / 20).abs().max() < 0.01
    assert sorted(draw_positions((2, 3), 256, generator).tolist()) == [0, 1, 2, 3, 4, 5]
