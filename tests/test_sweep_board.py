"""The table that a sweep shows: what it says, and when it is drawn."""

import io
from pathlib import Path

from tests.monitoring.recorded_runs import record
from tests.scripts import load_script


class Terminal(io.StringIO):
    def isatty(self):
        return True


def board(stream, now):
    return load_script("sweep_board").Board(4, stream, lambda: now[0])


def test_a_line_for_each_run_that_trains(tmp_path):
    script = load_script("sweep_board")
    folder = record(tmp_path / "a_seed0", seconds=[60.0, 120.0])
    lines = script.table(5, {"a_seed0": folder, "long_name": tmp_path / "none"}, {"waiting": 3, "failed": 0})
    assert lines[0] == "5 runs: 2 training, 3 waiting" and lines[2] == "  long_name  starting"
    assert lines[1].startswith("  a_seed0    epoch 3 of 4  3 min left")


def test_a_terminal_shows_one_table_below_the_sentences():
    stream, now = Terminal(), [0.0]
    shown = board(stream, now)
    for now[0] in (1.0, 4.0, 5.0, 8.0):
        shown.refresh({"a": Path("none")}, {"waiting": 3})
    shown.say("b starts")
    up = "\x1b[2F\x1b[J"
    table = "4 runs: 1 training, 3 waiting\n  a  starting\n"
    assert stream.getvalue() == f"{table}{up}{table}{up}b starts\n"


def test_a_file_gets_the_table_seldom_and_plain():
    stream, now = io.StringIO(), [0.0]
    shown = board(stream, now)
    for now[0] in (1.0, 100.0, 601.0, 700.0):
        shown.refresh({}, {"finished": 4})
    shown.close()
    assert stream.getvalue() == "4 runs: 4 finished\n"
