"""`train.py` that waits before every step until it is told to go on.

It writes how many steps it has taken, a line each time, and then reads a line: how many more it may take before it
asks again. When there is nothing more to read it runs to its end.
"""

import os
import sys

import train
from cut.monitoring.web import web_page
from cut.options import run_script, train_options
from cut.training.loop import Trainer


def main() -> int:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what training prints goes where errors go
    take_step, taken, allowed = Trainer.train_step, 0, 0

    def when_told(*arguments) -> None:
        nonlocal taken, allowed
        if taken == allowed:
            print(taken, file=told, flush=True)
            line = sys.stdin.readline()
            allowed = taken + int(line) if line else -1
        take_step(*arguments)
        taken += 1

    Trainer.train_step = when_told
    web_page.SHARE = 1e9  # of the time: the page is written whenever it is due, however little time has passed
    return run_script(train.main, train_options, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
