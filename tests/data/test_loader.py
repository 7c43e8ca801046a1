"""Batches: the same whatever the workers, the way they start, and where an epoch is entered."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from cut.data.loader import make_dataset, make_loader
from cut.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr("cut.data.loader.processors", lambda: 2)


def content(batches):
    return [(batch.source_paths, batch.target_paths, batch.source, batch.target) for batch in batches]


def equal(one, other):
    return len(one) == len(other) and all(
        a[:2] == b[:2] and torch.equal(a[2], b[2]) and torch.equal(a[3], b[3]) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_change_nothing_and_stay(make_images, train, context):
    root = make_images({"trainA": 9, "trainB": 5})
    options = [train(root, "--batch_size", "2", "--num_threads", workers) for workers in ("0", "2")]
    alone, together = (make_loader(each, make_dataset(each), context) for each in options)
    try:
        assert len(alone) == len(together) == 4
        workers = []
        for epoch in (1, 2, 5):
            expected, got = content(alone.epoch(epoch)), content(together.epoch(epoch))
            assert equal(expected, got)
            assert equal(expected[3:], content(together.epoch(epoch, start_batch=3)))
            workers.append(together.workers.pids)
        assert len(workers[0]) == 2 and workers[0] == workers[1] == workers[2]
    finally:
        together.close()


def test_an_epoch_left_in_the_middle_leaves_nothing_behind(make_images, train):
    options = train(make_images({"trainA": 9, "trainB": 5}), "--num_threads", "2")
    loader = make_loader(options, make_dataset(options))
    try:
        expected = content(loader.epoch(2))
        next(loader.epoch(1))
        assert equal(content(loader.epoch(2)), expected)
        assert content(loader.epoch(2, start_batch=9)) == []
    finally:
        loader.close()


def test_an_epoch_goes_once_through_everything(make_images, train):
    options = train(make_images({"trainA": 7, "trainB": 3}))
    seen = [path for batch in make_loader(options, make_dataset(options)).epoch(1) for path in batch.source_paths]
    assert sorted(seen) != seen and len(set(seen)) == len(seen) == 7


def test_random_numbers_of_pytorch_are_not_touched(make_images, train):
    options = train(make_images({"trainA": 2, "trainB": 2}))
    before = torch.get_rng_state()
    list(make_loader(options, make_dataset(options)).epoch(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_testing_takes_one_image_at_a_time_and_keeps_the_last(make_images, test):
    options = test(make_images({"testA": 3, "testB": 1}), "--batch_size", "2")
    batches = list(make_loader(options, make_dataset(options)).epoch(1))
    assert [len(batch) for batch in batches] == [1, 1, 1]


def test_a_data_set_smaller_than_a_batch(make_images, train):
    options = train(make_images({"trainA": 2, "trainB": 2}), "--batch_size", "3")
    with pytest.raises(UserError, match="has 2 samples, fewer than one batch of --batch_size 3"):
        make_loader(options, make_dataset(options))


def test_ragged_images_need_batch_size_one(make_images, train):
    root = make_images({"trainA": 2, "trainB": 2})
    Image.new("RGB", (8, 8)).save(root / "trainA/000.png")
    options = train(root, "--preprocess", "none")
    shapes = {batch.source.shape[2:] for batch in make_loader(options, make_dataset(options)).epoch(1)}
    assert shapes == {(8, 8), (16, 20)}
    options = train(root, "--preprocess", "none", "--batch_size", "2")
    with pytest.raises(UserError, match="--preprocess none leaves images of different sizes"):
        make_loader(options, make_dataset(options))


def test_images_that_change_size_while_training(make_images, train):
    root = make_images({"trainA": 2, "trainB": 2})
    options = train(root, "--preprocess", "none", "--batch_size", "2")
    loader = make_loader(options, make_dataset(options))
    Image.new("RGB", (8, 8)).save(root / "trainA/000.png")
    with pytest.raises(UserError, match="must be of one size after preprocessing, but .* is 8×8"):
        list(loader.epoch(1))


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_file_that_breaks_while_training_is_named_in_one_sentence(make_images, train, workers):
    root = make_images({"trainA": 2, "trainB": 2})
    options = train(root, "--num_threads", workers)
    loader = make_loader(options, make_dataset(options))
    (root / "trainA/001.png").write_text("broken")
    try:
        with pytest.raises(UserError) as caught:
            list(loader.epoch(1))
        assert caught.value.problems == (
            f"{root / 'trainA/001.png'} is not an image that can be read; remove it, or save it again as PNG or JPEG.",
        )
    finally:
        loader.close()


PROGRAM = """
import os, signal, sys
import cut
from cut.data.loader import make_dataset, make_loader
from cut.options import train_options

options = train_options(
    ["--dataroot", sys.argv[1], "--load_size", "16", "--crop_size", "12", "--num_threads", "1", "--gpu_ids", "-1"]
)
loader = make_loader(options, make_dataset(options))
batches = loader.epoch(1)
next(batches)
asked = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: asked.append(number))
    os.killpg(0, number)
rest = len(list(batches))
print(asked == [signal.SIGINT, signal.SIGTERM], rest)
loader.epoch(2)
next(loader.epoch(3))  # and leave with workers busy
"""


def test_signals_to_the_group_leave_the_workers_alone_and_the_end_is_prompt(make_images):
    root = make_images({"trainA": 30, "trainB": 2})
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, root],
        env=environment,
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "True 29\n", "")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
