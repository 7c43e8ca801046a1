"""What a step needs around it."""

import torch

from cut.data.batch import Batch
from cut.training.steps import sent_ahead, step_generator


def test_the_next_batch_is_sent_before_one_is_used():
    events = []

    def batches():
        for number in range(3):
            events.append(f"load {number}")
            yield Batch(torch.full((1, 3, 2, 2), float(number)))

    def send(batch):
        number = int(batch.source[0, 0, 0, 0])
        events.append(f"send {number}")

        def arrive():
            events.append(f"arrive {number}")
            return batch

        return arrive

    used = []
    for batch in sent_ahead(batches(), send):
        used.append(int(batch.source[0, 0, 0, 0]))
        events.append(f"use {used[-1]}")
    assert used == [0, 1, 2]
    assert events == [
        *("load 0", "send 0", "load 1", "send 1", "arrive 0", "use 0"),
        *("load 2", "send 2", "arrive 1", "use 1"),
        *("arrive 2", "use 2"),
    ]


def test_no_batches_and_one():
    assert list(sent_ahead([], lambda batch: lambda: batch)) == []
    only = Batch(torch.zeros(1, 3, 2, 2))
    assert list(sent_ahead([only], lambda batch: lambda: batch)) == [only]


def test_a_step_draws_by_seed_and_number():
    first, again, next_step, other = (
        torch.rand(4, generator=step_generator(*key)) for key in ((0, 5), (0, 5), (0, 6), (1, 5))
    )
    assert torch.equal(first, again) and not torch.equal(first, next_step) and not torch.equal(first, other)
