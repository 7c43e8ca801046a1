"""Ctrl-C during the imports of a script: modules that interrupt themselves and then hide it, as extensions do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cut import ctrl_c
from cut.errors import exit_status

ROOT = Path(__file__).parents[1]
INTERRUPTED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    sum(range(1000))
except BaseException:
    raise ImportError("the C extensions could not be imported")
raise SystemExit("swallowed")
"""


@pytest.mark.parametrize(
    ("script", "module"),
    [("train.py", "yaml"), ("train.py", "torch"), ("test.py", "yaml"), ("scripts/evaluate_fid.py", "yaml")],
)
def test_it_is_silent_and_certain(tmp_path, script, module):
    (tmp_path / f"{module}.py").write_text(INTERRUPTED)
    command = [sys.executable, script, "--dataroot", str(tmp_path), "--name", "x", "--checkpoints_dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_while_a_script_works_it_is_an_exception_as_usual_and_what_is_ignored_stays_so():
    def work() -> int:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            cleaned.append(True)
        return 0

    before, cleaned = signal.getsignal(signal.SIGINT), []
    try:
        ctrl_c.ends_imports()
        assert exit_status(work) == 130 and cleaned
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ctrl_c.ends_imports()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
