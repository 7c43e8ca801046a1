"""Runs `train.py` over and over, each time as a process of its own, forked from this one: PyTorch is imported once.

Reads one JSON object a line from standard input, and answers with a list: the exit status, negative for a signal.

    arguments   words after `train.py`
    output      file that gets standard output and standard error
    at          {"call": name of a function in HOOKS, "count": k}: something happens just before its k-th call
    signal      the process sends itself this signal; 9 is a kill that nothing can catch
    error       an exception with these words
    spoil       this file is overwritten with what is no image
    remove      this folder is removed
    lose        a process that loads images is killed

With "processes": N it starts N that train together, as torchrun does, and answers with the status of each. What
happens, happens in the process "of"; process r > 0 writes to `output` with r appended.

A process that has not ended after `DEADLINE` writes where it stands, and fails: no test waits for ever.
"""

import atexit
import faulthandler
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import sys
from pathlib import Path

import train
from cut.evaluation.comparison.held_out import Pictures
from cut.models.method import Method
from cut.options import run_script, train_options
from cut.registry import EXTRACTORS, MODELS
from cut.training import checkpoints
from cut.training.loop import Trainer
from tests import tiny_extractor

DEADLINE = 300  # seconds; the longest run takes a tenth of it on two cores

HOOKS = {
    "step": (Trainer, "train_step"),
    "update": (Method, "update"),
    "save": (Trainer, "save"),
    "epoch end": (Trainer, "finish_epoch"),
    "held-out image": (Pictures, "tensor"),
    "commit": (checkpoints, "write_set"),
    "rename": (os, "replace"),  # of a checkpoint's file
    "flush": (os, "fsync"),
    "remove": (os, "unlink"),
}


def happen(job: dict) -> None:
    if "signal" in job:
        os.kill(os.getpid(), job["signal"])
    if "error" in job:
        raise ValueError(job["error"])
    if "spoil" in job:
        Path(job["spoil"]).write_text("no image")
    if "remove" in job:
        shutil.rmtree(job["remove"])
    if "lose" in job:
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)


def happen_before(job: dict, call: str, count: int) -> None:
    """Make something happen just before the `count`-th call of a function."""
    owner, name = HOOKS[call]
    original, calls = getattr(owner, name), 0

    def hooked(*arguments, **named):
        nonlocal calls
        calls += call != "rename" or str(arguments[1]).endswith((".pth", "commit.json"))  # not pages, logs, pictures
        if calls == count:
            happen(job)
        return original(*arguments, **named)

    setattr(owner, name, hooked)


def run(job: dict) -> None:
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.dump_traceback_later(DEADLINE, exit=True)
    if "at" in job:
        happen_before(job, **job["at"])
    status = run_script(train.main, train_options, job["arguments"])
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)  # what an exit does besides, unloading all of PyTorch, takes longer than the run


def start(job: dict) -> int:
    """Fork a process for the job; its number."""
    child = os.fork()
    if child == 0:
        run(job)
    return child


def free_port() -> int:
    """Below those that systems hand out by themselves: nobody gets it before the process that is to listen there."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port


def start_together(job: dict) -> list[int]:
    everyone = {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": str(job["processes"])}
    os.environ |= everyone | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    children = []
    for rank in range(job["processes"]):
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        own = job | {"output": job["output"] + (str(rank) if rank else "")}
        if rank != job.get("of", rank):
            own.pop("at", None)
        children.append(start(own))
    for name in everyone:
        del os.environ[name]
    return children


def main() -> None:
    EXTRACTORS._entries[tiny_extractor.NAME] = tiny_extractor.ENTRY  # needs no weights
    os.environ["CUT_CACHE_DIR"] = os.devnull  # every run computes its features, whatever ran before
    # Most of a short run is what PyTorch imports when the first model is made: do that once too.
    small = ["--ngf", "1", "--ndf", "1", "--load_size", "64", "--crop_size", "64"]
    MODELS["cut"].factory(train_options(small))
    while line := sys.stdin.readline():  # not `for line in`: a fork must not inherit lines that were read ahead
        job = json.loads(line)
        children = start_together(job) if "processes" in job else [start(job)]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(statuses), flush=True)


if __name__ == "__main__":
    main()
