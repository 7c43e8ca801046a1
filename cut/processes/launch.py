"""What torchrun tells each process that it starts. Without it there is one process. Nothing here needs PyTorch."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Launch:
    """The place of this process among those that torchrun started.

    Attributes:
        rank: number of this process, from 0, over all machines.
        count: processes on all machines.
        local_rank: number of this process on its machine, which is also that of its GPU.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that saves, says and monitors."""
        return self.rank == 0


def launch() -> Launch:
    """The place of this process; other launchers' variables (SLURM's, MPI's) alone mean nothing."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Launch()
    rank, count, local_rank = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Launch(rank, count, local_rank)
