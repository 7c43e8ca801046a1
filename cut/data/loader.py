"""Samples → batches, by workers that live as long as the run."""

import math
from collections.abc import Callable, Iterator

import torch

from cut.data.batch import Batch, collate
from cut.data.dataset import ImageDataset
from cut.data.workers import Task, Workers
from cut.device import processors, require_open_files
from cut.errors import UserError, counted
from cut.options import Options
from cut.processes.group import count, own_share
from cut.registry import DATASETS


def make_dataset(options: Options) -> ImageDataset:
    """The data set of `--dataset_mode`, all of its files checked.

    Training or testing is `options.is_train`: a test set is never shuffled, flipped or cropped at random.

    Raises:
        UserError: one sentence for every folder or file that cannot be used, or for images that cannot share a batch.
    """
    dataset = DATASETS[options.data.dataset_mode].factory(options)
    dataset.check()
    return dataset


def make_loader(options: Options, dataset: ImageDataset, context: str | None = None) -> "Loader":
    """Batches of a data set: of `--batch_size` in training, and of one image in testing.

    Processes that train together share each batch out.

    Args:
        options: of the run.
        dataset: from `make_dataset`.
        context: how workers are started ("fork", "spawn", "forkserver"); None for the platform's default.

    Raises:
        UserError: when a training set is smaller than one batch, the processes cannot share a batch, or the system
            allows too few open files for the workers.
    """
    require_open_files(options.data.num_threads)
    if options.is_train and options.data.batch_size % count():
        raise UserError(
            f"{count()} processes cannot share a batch of --batch_size {options.data.batch_size}, which counts the "
            f"images of all of them: use a multiple of {count()}, or another --nproc_per_node of torchrun."
        )
    return Loader(
        dataset,
        batch_size=options.data.batch_size if options.is_train else 1,
        drop_last=options.is_train,
        workers=options.data.num_threads,
        pin_memory=options.run.gpu_ids != "-1" and torch.cuda.is_available(),
        context=context,
    )


class Loader:
    """Iterates over the batches of any epoch, from any batch on. `len` is the number of batches in an epoch.

    Of each batch, every one of several processes that train together gets its own images, equally many.

    The workers start with the first batch and stay for the following epochs. There are never more of them than
    processors or batches; samples do not depend on their number.

    Args:
        dataset: gives samples by (epoch, index), and `order(epoch)`.
        batch_size: samples in a batch of all processes.
        drop_last: leave out an incomplete last batch.
        workers: processes that load; 0 loads in this process.
        pin_memory: put batches in page-locked memory, from which copies to a GPU overlap with computation.
        context: how workers are started.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        *,
        batch_size: int = 1,
        drop_last: bool = False,
        workers: int = 0,
        pin_memory: bool = False,
        context: str | None = None,
    ) -> None:
        batches = len(dataset) // batch_size if drop_last else math.ceil(len(dataset) / batch_size)
        if batches == 0:
            have = counted(len(dataset), "sample")
            raise UserError(
                f"The data set has {have}, fewer than one batch of --batch_size {batch_size}; "
                "use a smaller --batch_size or more images."
            )
        self._dataset, self._batch_size, self._batches = dataset, batch_size, batches
        self._load, self._pin_memory = _Load(dataset), pin_memory
        count = min(workers, batches, processors())
        self.workers = (
            Workers(self._load, count, context=context, pin_memory=pin_memory, files=self._files) if count else None
        )

    def __len__(self) -> int:
        return self._batches

    def epoch(
        self,
        epoch: int,
        start_batch: int = 0,
        *,
        stopped: Callable[[], bool] = lambda: False,
        say: Callable[[str], object] = print,
    ) -> Iterator[Batch]:
        """The batches of one epoch, one epoch at a time.

        Args:
            epoch: its number; the first is 1.
            start_batch: batches to skip without loading them, for a run resumed within an epoch.
            stopped: asked while a worker is waited for; once it is true there are no more batches.
            say: takes a sentence about a worker that died and was replaced.

        Raises:
            UserError: when a file can no longer be read, the images of a batch differ in size, or workers keep dying.
        """
        tasks = self._tasks(epoch, start_batch)
        if self.workers is None:
            for task in tasks:
                batch = self._load(task)
                yield batch.pin_memory() if self._pin_memory else batch
            return
        yield from self.workers.batches(tasks, stopped, say)

    def close(self) -> None:
        """Stop the workers; the next epoch would start new ones."""
        if self.workers is not None:
            self.workers.close()

    def _tasks(self, epoch: int, start: int) -> Iterator[Task]:
        """The keys of each batch."""
        order, share = self._dataset.order(epoch), own_share(self._batch_size // count())
        for batch in range(start, self._batches):
            indices = order[batch * self._batch_size : (batch + 1) * self._batch_size][share]
            yield [(epoch, int(index)) for index in indices]

    def _files(self, task: Task) -> list[str]:
        return [str(path) for key in task for path in self._dataset.paths(key)]


class _Load:
    """Task → batch."""

    def __init__(self, dataset: ImageDataset) -> None:
        self.dataset = dataset

    def __call__(self, task: Task) -> Batch:
        return collate([self.dataset[key] for key in task])
