"""The memory estimate: from shapes alone, and what the system says."""

import torch
from torch import nn

from cut.evaluation.translate.memory import bytes_per_pixel, free_bytes
from cut.memory import available_bytes


class Widening(nn.Module):
    size_multiple = 4

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, image):
        return self.conv(image)


def test_bytes_per_pixel_counts_the_largest_operation():
    estimate = bytes_per_pixel(Widening(), channels=3)
    assert 2 * 4 * (3 + 16) <= estimate < 3 * 4 * (3 + 16)  # float32 in and out, and a margin


def test_estimating_leaves_the_network_alone():
    network = Widening()
    bytes_per_pixel(network, channels=3)
    assert network.conv.weight.device.type == "cpu"


def test_free_memory():
    assert 0 < free_bytes(torch.device("cpu")) < available_bytes(torch.device("cpu")) * 1.5
    assert free_bytes(torch.device("meta")) == float("inf")
