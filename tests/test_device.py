"""Where a run computes."""

import pytest
import torch

from cut.device import choose_device
from cut.errors import UserError


def test_threads_are_set_and_zero_leaves_them():
    before = torch.get_num_threads()
    try:
        assert choose_device("-1", threads=3) == torch.device("cpu") and torch.get_num_threads() == 3
        choose_device("-1")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_a_gpu_that_is_not_there():
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(UserError, match="--gpu_ids 3 asks for a GPU that is not there .*; --gpu_ids -1 uses the CPU"):
        choose_device("3")
