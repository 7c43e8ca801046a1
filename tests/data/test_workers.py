"""Workers that die, hang, fail, and find no shared memory: real processes."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from cut.data.batch import Batch
from cut.data.loader import make_dataset, make_loader
from cut.data.workers import TRIES, Workers
from cut.errors import UserError

ROOT = Path(__file__).parents[2]
TASKS = [[(1, index)] for index in range(12)]


def load(task) -> Batch:
    return Batch(torch.full((1, 1, 2, 2), float(task[0][1])), None, (f"{task[0][1]}.png",))


def dies_over_five(task) -> Batch:
    if task[0][1] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return load(task)


def fails_over_five(task) -> Batch:
    if task[0][1] == 5:
        raise MemoryError("no room")
    return load(task)


class Unsendable(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def fails_oddly(task) -> Batch:
    raise Unsendable("this", "that")


def hangs_over_five(task) -> Batch:
    while task[0][1] == 5:
        time.sleep(60)
    return load(task)


@pytest.fixture
def workers():
    made = []

    def make(load, count=2, **details) -> Workers:
        made.append(Workers(load, count, **details))
        return made[-1]

    yield make
    for each in made:
        each.close()


def numbers(batches) -> list[float]:
    return [batch.source[0, 0, 0, 0].item() for batch in batches]


def go_on() -> bool:
    return False


def test_a_worker_that_dies_is_replaced_and_the_order_stays(workers):
    said = []
    pool = workers(load)
    batches = pool.batches(TASKS, go_on, said.append)
    seen = numbers([next(batches)])
    for pid in list(pool.pids):  # all of them at once
        os.kill(pid, signal.SIGKILL)
    before = list(pool.pids)
    seen += numbers(batches)
    assert seen == list(range(12)) and not set(before) & set(pool.pids)
    assert said == [
        "A process that loads images ended (killed by SIGKILL) and was replaced; the order of the images is the same."
    ]


def test_a_worker_that_dies_between_two_epochs_is_replaced_too(workers):
    pool = workers(load)
    numbers(pool.batches(TASKS, go_on, print))
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    assert numbers(pool.batches(TASKS, go_on, print)) == list(range(12))


def test_a_batch_that_costs_one_worker_after_another_is_given_up_and_named(workers):
    pool = workers(dies_over_five, files=lambda task: [f"{index}.png" for _, index in task])
    batches, seen = pool.batches(TASKS, go_on, lambda text: None), []
    with pytest.raises(UserError) as error:
        for batch in batches:
            seen += numbers([batch])
    assert seen == [0, 1, 2, 3, 4]
    said = str(error.value)
    assert f"{TRIES} processes" in said and "killed by SIGKILL" in said and "over 5.png" in said
    assert "--num_threads 0" in said and "--shm-size" in said


@pytest.mark.parametrize(
    ("load", "error", "words"),
    [(fails_over_five, MemoryError, "no room"), (fails_oddly, RuntimeError, "this and that")],
)
def test_an_exception_of_a_worker_arrives_when_its_batch_is_due(workers, load, error, words):
    batches, seen = workers(load).batches(TASKS, go_on, print), []
    with pytest.raises(error, match=words):
        for batch in batches:
            seen += numbers([batch])
    assert seen == ([0, 1, 2, 3, 4] if load is fails_over_five else [])


def test_a_wait_ends_when_a_stop_is_asked_for_and_the_hanging_worker_with_it(workers):
    pool = workers(hangs_over_five, count=1)
    asked = []

    def stopped() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 5 and asked[-1] - asked[0] > 0.5

    assert numbers(pool.batches(TASKS, stopped, print)) == [0, 1, 2, 3, 4]
    pool.close()


def test_a_worker_killed_while_it_sends_a_batch_holds_up_nothing(workers):
    pool = workers(load, count=1)
    batches = pool.batches(TASKS, go_on, print)
    next(batches)
    batches.close()
    half = struct.pack("!i", 1000) + b"half of a message"
    os.write(pool._pool._result_queue._writer.fileno(), half)  # what such a worker leaves
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive()


def test_workers_that_cannot_be_started_are_said(workers, monkeypatch):
    def full():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "fork", full)
    with pytest.raises(UserError, match=r"cannot be started \(Too many open files\).*--num_threads 0"):
        next(workers(load, context="fork").batches(TASKS, go_on, print))


def test_the_workers_of_a_killed_process_end(tmp_path):
    program = (
        "import sys, time; from tests.data.test_workers import *\n"
        "pool = Workers(load, 2); next(pool.batches(TASKS, go_on, print))\n"
        "print(*pool.pids, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    pids = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.stdout.read()  # ends when the workers, which have it open too, are gone
    assert len(pids) == 2 and process.wait() == -signal.SIGKILL


SHARED = """
import sys
from cut.data.loader import make_dataset, make_loader
from cut.options import train_options

options = train_options(
    ["--dataroot", sys.argv[1], "--load_size", "128", "--crop_size", "128", "--num_threads", "2", "--batch_size", "4",
     "--gpu_ids", "-1"]
)
print(len(list(make_loader(options, make_dataset(options)).epoch(1))))
"""


@pytest.mark.parametrize("full", [False, True])
def test_shared_memory_that_is_smaller_than_a_batch_will_do_and_a_full_one_is_said(make_images, full):
    """As in a container, whose /dev/shm is small."""
    fill = " && head -c 64k /dev/zero > /dev/shm/full" if full else ""
    mount = f"mount -t tmpfs -o size=64k tmpfs /dev/shm{fill}"
    unshare = ["unshare", "-m", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*unshare, mount], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    root = make_images({"trainA": 12, "trainB": 2})
    command = [*unshare, f'{mount} && exec "$0" -c "$1" "$2"', sys.executable, SHARED, str(root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    if full:
        assert "(No space left on device): use a smaller --num_threads" in done.stderr and "--shm-size" in done.stderr
    else:
        assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_the_files_of_a_task_are_those_that_its_batch_is_made_of(make_images, train):
    options = train(make_images({"trainA": 5, "trainB": 3}), "--batch_size", "2")
    loader = make_loader(options, make_dataset(options))
    for task, batch in zip(loader._tasks(3, 0), loader.epoch(3), strict=True):
        paths = zip(batch.source_paths, batch.target_paths, strict=True)
        assert loader._files(task) == [path for pair in paths for path in pair]
