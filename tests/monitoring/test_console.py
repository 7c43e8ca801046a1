"""What the terminal shows."""

import fcntl
import io
import math
import os
import pty
import re
import struct
import termios
import time
from dataclasses import replace

import pytest

from cut.monitoring.console import ConsoleListener
from cut.training.evaluation import Evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, RunFacts
from tests.monitoring.clock import Clock
from tests.monitoring.miniature import Recorded, progress_at, step_event, train

INCEPTION = {"extractor": "Inception"}
MEASURED = (
    Evaluation(35, 350, 350, {"frechet": 79.4321, "kernel": 0.01234}, {"kernel": 0.0004}, INCEPTION, seconds=12.0),
    Evaluation(40, 400, 400, {"frechet": 82.1}, details={**INCEPTION, "cost_share": 0.0413}, seconds=12.0),
)


class Terminal(io.StringIO):
    """A terminal of 80 columns, as far as anybody can tell."""

    def isatty(self) -> bool:
        return True

    def line(self) -> str:
        """The line that was drawn last."""
        return re.split(r"[\r\n]", self.getvalue())[-1]


def on(stream, clock=time.perf_counter) -> Recorded:
    """The terminal's listener on a stream."""
    return Recorded(lambda record: ConsoleListener(record, stream), clock)


def evaluation_event(evaluation: Evaluation, best: Evaluation | None) -> EvaluationEvent:
    return EvaluationEvent(progress_at(evaluation.images), evaluation, best, "frechet")


class Steady(Clock):
    """Half a second passes from one look to the next."""

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


# ------------------------------------------------------------------ piped


def test_lines_have_the_published_form(make_options):
    stream = io.StringIO()
    train(on(stream), make_options("--print_freq", "4"), range(1, 9))
    assert stream.getvalue().splitlines() == [
        "One image takes 0.62 s, so that the rest of the run takes about 42 min.",
        "(epoch: 1, iters: 4, time: 0.500, data: 0.125) G_GAN: 0.250 NCE: 0.500 ",
        "(epoch: 1, iters: 8, time: 0.500, data: 0.125) G_GAN: 0.250 NCE: 1.000 ",
    ]


def test_the_end_of_an_epoch_and_a_save_are_said(make_options):
    stream = io.StringIO()
    console = on(stream, Steady())
    train(console, make_options(), range(1, 11))
    console.after_save(progress_at(10), ("latest", "5"))
    console.finish(progress_at(10))
    assert stream.getvalue().splitlines()[1:] == [
        "End of epoch 1 / 400, 5.0 s, 2.00 images/s, 33 min left, learning rate now 0.0002",
        "Saved as latest, 5 after 10 images.",
    ]


def test_an_evaluation_is_said_with_the_best(make_options):
    stream = io.StringIO()
    console = on(stream)
    console.start(make_options(), progress_at(340), RunFacts(best_metric="frechet"))
    console.after_evaluation(evaluation_event(MEASURED[0], MEASURED[0]))
    console.after_evaluation(evaluation_event(MEASURED[1], MEASURED[0]))
    console.after_evaluation(evaluation_event(Evaluation(45, 450, 450, {"frechet": math.nan}, details=INCEPTION), None))
    assert stream.getvalue().splitlines() == [
        "Epoch 35: FID 79.43, KID 0.01234 ± 0.000400 (the best so far; 12.0 s)",
        "Epoch 40: FID 82.10 (best FID: epoch 35; 12.0 s, 4.1% of the time so far)",
        "Epoch 45: FID nan (best FID: none yet; 0.0 s)",
    ]


def test_a_continued_run_says_what_was_measured(make_options):
    stream = io.StringIO()
    on(stream).start(make_options(), progress_at(401), RunFacts((), "", {}, MEASURED, "frechet"))
    assert stream.getvalue() == "Last measured: epoch 40: FID 82.10 (best FID: epoch 35).\n"


def test_what_the_stream_cannot_write_is_escaped(make_options):
    raw = io.BytesIO()
    console = on(io.TextIOWrapper(raw, encoding="ascii"))
    console.start(make_options(), progress_at(0), RunFacts())
    console.message("KID 0.012 ± 0.001")
    assert raw.getvalue() == b"KID 0.012 \\xb1 0.001\n"


# ------------------------------------------------------------------ on a terminal


def test_on_a_terminal_there_is_a_bar_over_the_whole_run(make_options):
    stream = Terminal()
    console = on(stream, Steady())
    train(console, make_options("--print_freq", "1"), range(21, 24), resumed_at=20)
    assert (console.bar.n, console.bar.total) == (23, 4000)
    console.bar.refresh()
    assert stream.line() == "  3/400 |    |     33 min left, 2.00 img/s, G_GAN 0.250 NCE 2.875"
    assert "(epoch:" not in stream.getvalue()
    console.finish(progress_at(23))


def test_a_message_stands_above_the_bar(make_options):
    stream = Terminal()
    console = on(stream)
    train(console, make_options(), range(1, 3))
    console.message("Saved.")
    console.finish(progress_at(2))
    console.message("Stopped.")
    assert "\rSaved.\n" in stream.getvalue() and stream.getvalue().endswith("\nStopped.\n")


def test_a_continued_run_shows_at_once_what_was_measured(make_options):
    stream = Terminal()
    console = on(stream)
    console.start(make_options(), progress_at(401), RunFacts((), "", {}, MEASURED, "frechet"))
    assert stream.getvalue() == "\r 41/400 |4   | FID 82.1 (best 79.4 @ 35)"
    console.finish(progress_at(401))


def test_the_bar_says_that_an_evaluation_is_under_way_and_what_came_of_it(make_options):
    stream = Terminal()
    console = on(stream, Steady())
    console.start(make_options(), progress_at(348), RunFacts(best_metric="frechet", extractor="Inception"))
    for images in (349, 350):
        console.after_step(step_event(images))
    console.after_epoch(EpochEvent(progress_at(350), 5.0, 2e-4))
    assert "measuring FID" in stream.line()
    console.after_evaluation(evaluation_event(MEASURED[0], MEASURED[0]))
    assert "FID 79.4 (best)" in stream.line() and "measuring" not in stream.line()
    assert "\rEpoch 35: FID 79.43" in stream.getvalue()
    console.finish(progress_at(350))


def test_epochs_and_saves_do_not_interrupt_the_bar_and_the_last_save_is_said_in_the_end(make_options):
    stream = Terminal()
    console = on(stream)
    train(console, make_options(), range(1, 21))
    for images in (10, 20):
        console.after_save(progress_at(images), ("latest",))
    assert "\n" not in stream.getvalue()
    console.finish(progress_at(20))
    assert stream.getvalue().endswith("\nSaved as latest after 20 images.\n")


def test_after_the_last_evaluation_no_time_is_left(make_options):
    stream = Terminal()
    console = on(stream, Steady())
    earlier = Evaluation(395, 3950, 3950, {"frechet": 79.4}, details=INCEPTION, seconds=60.0)
    console.start(make_options(), progress_at(3998), RunFacts(evaluations=(earlier,), best_metric="frechet"))
    for images in (3999, 4000):
        console.after_step(step_event(images))
    console.bar.refresh()
    assert "1 min left" in stream.line()  # the evaluation to come
    console.finish(replace(progress_at(4000), epoch=401, epoch_images=0))
    assert stream.getvalue().strip().splitlines()[-1].startswith("400/400 |####|        0 s left, 2.00 img/s, FID 79.4")


def test_a_name_may_look_like_a_format(make_options):
    stream = Terminal()
    console = on(stream)
    console.start(make_options("--print_freq", "1"), progress_at(0), RunFacts())
    console.after_step(step_event(1, losses={"{bar}": 1.0}))
    console.bar.refresh()
    assert stream.line().endswith("{bar} 1.000")
    console.finish(progress_at(1))


def test_a_terminal_that_cannot_go_back_gets_lines(make_options, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    train(on(stream), make_options("--print_freq", "4"), range(1, 5))
    assert "\n(epoch: 1, iters: 4, " in stream.getvalue()


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_real_terminal_no_line_is_too_long(make_options, columns):
    """What a pseudo-terminal received: drawn over and over in one line, and one line for the message."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        console = on(stream, Steady())
        console.start(
            make_options("--print_freq", "1"),
            progress_at(401),
            RunFacts((), "", {}, MEASURED, "frechet", total_loss="G"),
        )
        for images in range(402, 405):
            console.after_step(step_event(images, losses={"G_GAN": 0.25, "D_real": 0.5, "G": 1.5}))
            console.bar.refresh()
        console.message("A sentence.")
        console.finish(progress_at(404))
        print("over", end="", file=stream, flush=True)
        shown = b""
        while not shown.endswith(b"over"):
            shown += os.read(leader, 100_000)
    os.close(leader)
    drawn = [text for text in re.split(r"[\r\n]+", shown.decode()) if text.strip()][:-1]
    assert max(map(len, drawn)) < columns
    assert drawn.count("A sentence.") == 1 and shown.count(b"\n") == 2
    assert drawn[-1].startswith("epoch  41/400 |" if columns >= 100 else " 41/400 |")
    assert "FID 82.1 (best 79.4 @ 35)" in drawn[-1] and "G 1.500" in drawn[-1]


# ------------------------------------------------------------------ both


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_quiet_is_quiet_about_progress_alone(make_options, stream):
    console = on(stream)
    options = make_options("--print_freq", "1", "--quiet")
    train(console, options, range(1, 21))
    console.after_save(progress_at(20), ("latest",))
    assert stream.getvalue() == ""
    console.after_evaluation(evaluation_event(MEASURED[0], MEASURED[0]))
    console.message("A sentence.")
    console.finish(progress_at(20))
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == [
        "Epoch 35", "A sentence.", "Saved as latest after 20 images.",
    ]  # fmt: skip


def test_losses_are_asked_for_only_when_due(make_options):
    """Asking for them waits for the device. A bar asks once more, at its first step."""

    def refuse() -> dict:
        raise AssertionError("not due")

    for stream, arguments in ((io.StringIO(), ()), (Terminal(), ()), (Terminal(), ("--quiet",))):
        console = on(stream)
        console.start(make_options("--print_freq", "100", *arguments), progress_at(0), RunFacts())
        if console.bar is not None:
            console.after_step(step_event(1))
        console.after_step(replace(step_event(2), losses=refuse))
        console.finish(progress_at(2))


def test_a_loss_that_is_not_finite_can_be_shown(make_options):
    stream = io.StringIO()
    console = on(stream)
    console.start(make_options("--print_freq", "1"), progress_at(0), RunFacts())
    console.after_step(step_event(1, losses={"G": math.nan}))
    assert "G: nan" in stream.getvalue()
