"""The memory estimate: from shapes alone, and what the system says."""

import torch
from torch import nn

from cut.evaluation.translate.memory import (
    _container_bytes,
    _system_bytes,
    bytes_per_pixel,
    free_bytes,
    is_out_of_memory,
)


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


def test_free_memory(tmp_path):
    assert free_bytes(torch.device("cpu")) > 0
    assert free_bytes(torch.device("meta")) == float("inf")
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:   50 kB\n")
    assert _system_bytes(tmp_path / "meminfo") == 50 * 1024
    assert _system_bytes(tmp_path / "absent") == float("inf")


def test_memory_of_a_container(tmp_path):
    assert _container_bytes(tmp_path) == float("inf")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 200\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert _container_bytes(tmp_path) == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert _container_bytes(tmp_path) == float("inf")


def test_only_allocation_failures_are_out_of_memory():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory")) and is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
