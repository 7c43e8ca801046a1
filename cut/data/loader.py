"""Samples → batches, by workers that live as long as the run."""

import atexit
import math
import os
import signal
import weakref
from collections.abc import Iterator
from contextlib import suppress

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from cut.data.batch import Batch, Sample, collate
from cut.data.dataset import ImageDataset
from cut.device import require_open_files
from cut.errors import UserError, counted
from cut.options import Options
from cut.registry import DATASETS


def make_dataset(options: Options) -> ImageDataset:
    """The data set of `--dataset_mode`, all of its files checked.

    Training or testing is `options.is_train`: a test set is never shuffled, flipped or cropped at random.

    Raises:
        UserError: one sentence for every folder or file that cannot be used.
    """
    dataset = DATASETS[options.data.dataset_mode].factory(options)
    dataset.check()
    return dataset


def make_loader(options: Options, dataset: ImageDataset, context: str | None = None) -> "Loader":
    """Batches of a data set: of `--batch_size` in training, and of one image in testing.

    Args:
        options: of the run.
        dataset: from `make_dataset`.
        context: how workers are started ("fork", "spawn", "forkserver"); None for the platform's default.

    Raises:
        UserError: when a training set is smaller than one batch, its images differ in size, or the system allows too
            few open files for the workers.
    """
    if options.is_train and options.data.batch_size > 1 and not dataset.one_size:
        raise UserError(
            f"--preprocess {options.data.preprocess} leaves images of different sizes, which cannot share a batch; "
            "use --batch_size 1, or a --preprocess with crop."
        )
    require_open_files(options.data.num_threads)
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

    The workers start with the first batch, stay for the following epochs and leave SIGINT and SIGTERM to the main
    process. There are never more of them than processors or batches; samples do not depend on their number.

    Args:
        dataset: gives samples by (epoch, index), and `order(epoch)`.
        batch_size: samples in a batch.
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
        workers = min(workers, batches, _processors())
        self._keys = _Keys(dataset, batch_size, batches)
        self._loader = DataLoader(
            _Careful(dataset),
            batch_sampler=self._keys,
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=pin_memory,
            persistent_workers=workers > 0,
            worker_init_fn=_start_worker,
            multiprocessing_context=context if workers else None,
            generator=torch.Generator(),  # else it would draw from the global generator every epoch
        )
        self._closed_at_exit = False

    def __len__(self) -> int:
        return self._keys.batches

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, one epoch at a time.

        Args:
            epoch: its number; the first is 1.
            start_batch: batches to skip without loading them, for a run resumed within an epoch.

        Raises:
            UserError: when a file can no longer be read, or the images of a batch differ in size.
        """
        self._keys.epoch, self._keys.start = epoch, start_batch
        batches = iter(self._loader)
        if not self._closed_at_exit:
            # Registered after the workers started, so it runs before Python's own exit handler, which ends workers by a
            # SIGTERM that these ignore.
            atexit.register(_close, weakref.ref(self))
            self._closed_at_exit = True
        for batch in batches:
            if isinstance(batch, UserError):
                raise batch
            yield batch

    def close(self) -> None:
        """Stop the workers; the next epoch would start new ones."""
        batches, self._loader._iterator = self._loader._iterator, None
        if isinstance(batches, _MultiProcessingDataLoaderIter):
            with suppress(RuntimeError):  # a worker that fails while it is being stopped does no harm
                batches._shutdown_workers()


class _Keys:
    """The (epoch, index) keys of each batch. The main process changes `epoch` and `start`, workers only get keys."""

    def __init__(self, dataset: ImageDataset, batch_size: int, batches: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.batches = batches
        self.epoch = 1
        self.start = 0

    def __len__(self) -> int:
        return self.batches - self.start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, order = self.epoch, self.dataset.order(self.epoch)
        for batch in range(self.start, self.batches):
            indices = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [(epoch, int(index)) for index in indices]


class _Careful(Dataset):
    """Returns a UserError instead of raising it: the DataLoader would bury the sentence in a worker's traceback."""

    def __init__(self, dataset: ImageDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, key: tuple[int, int]) -> Sample | UserError:
        try:
            return self.dataset[key]
        except UserError as error:
            return error


def _collate(results: list[Sample | UserError]) -> Batch | UserError:
    for result in results:
        if isinstance(result, UserError):
            return result
    try:
        return collate([result for result in results if isinstance(result, Sample)])
    except UserError as error:
        return error


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker(worker: int) -> None:
    # Ctrl-C and a scheduler's SIGTERM reach the whole process group; the main process finishes its step and saves,
    # for which it needs its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)


def _close(loader: "weakref.ref[Loader]") -> None:
    alive = loader()
    if alive is not None:
        alive.close()
