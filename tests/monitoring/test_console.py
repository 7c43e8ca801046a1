"""What the terminal shows."""

import io
import math

from cut.monitoring.console import ConsoleListener
from cut.training.listener import RunFacts
from tests.monitoring.miniature import progress_at, step_event, train


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_have_the_published_form(make_options):
    stream = io.StringIO()
    train(ConsoleListener(stream), make_options("--print_freq", "4"), range(1, 9))
    assert stream.getvalue().splitlines() == [
        "(epoch: 1, iters: 4, time: 0.500, data: 0.125) G_GAN: 0.250 NCE: 0.500 ",
        "(epoch: 1, iters: 8, time: 0.500, data: 0.125) G_GAN: 0.250 NCE: 1.000 ",
    ]


def test_the_end_of_an_epoch_and_a_save_are_said(make_options):
    stream = io.StringIO()
    console = ConsoleListener(stream)
    train(console, make_options(), range(1, 11))
    console.after_save(progress_at(10), ("latest", "5"))
    assert "End of epoch 1 / 400, 5.0 s, learning rate now 0.0002" in stream.getvalue()
    assert "Saved as latest, 5 after 10 images." in stream.getvalue()


def test_on_a_terminal_there_is_a_bar_over_the_whole_run(make_options):
    stream = Terminal()
    console = ConsoleListener(stream)
    train(console, make_options("--print_freq", "1"), range(21, 24), resumed_at=20)
    assert (console.bar.n, console.bar.total) == (23, 4000)
    console.bar.refresh()
    shown = stream.getvalue().split("\r")[-1]
    assert "epoch 3/400" in shown and "images/s" in shown and "left" in shown and "NCE" in shown
    assert "(epoch:" not in stream.getvalue()


def test_a_message_stands_above_the_bar(make_options):
    stream = Terminal()
    console = ConsoleListener(stream)
    train(console, make_options(), range(1, 3))
    console.message("Saved.")
    console.finish(progress_at(2))
    console.message("Stopped.")
    assert "\rSaved.\n" in stream.getvalue() and stream.getvalue().endswith("\nStopped.\n")


def test_losses_are_asked_for_only_when_due(make_options):
    def refuse() -> dict:
        raise AssertionError("asking for the losses waits for the device")

    for stream in (io.StringIO(), Terminal()):
        console = ConsoleListener(stream)
        console.start(make_options("--print_freq", "100"), progress_at(0), RunFacts())
        event = step_event(1)
        console.after_step(type(event)(**{**vars(event), "losses": refuse}))


def test_a_loss_that_is_not_finite_can_be_shown(make_options):
    stream = io.StringIO()
    console = ConsoleListener(stream)
    console.start(make_options("--print_freq", "1"), progress_at(0), RunFacts())
    console.after_step(step_event(1, losses={"G": math.nan}))
    assert "G: nan" in stream.getvalue()
