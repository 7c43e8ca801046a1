"""Live plots on a visdom server, where there is one. Nothing that happens to the server reaches the training."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from cut.monitoring.lines import run_title
from cut.monitoring.pictures import first_of_batch, not_finite
from cut.monitoring.record import RATES, Record
from cut.monitoring.series import Point, as_curves
from cut.monitoring.visdom.sender import FIRST_ANSWER_SECONDS, Sender
from cut.monitoring.visdom.server import VisdomServer, environment_name, is_shared, plain
from cut.monitoring.visdom.windows import (
    draw_curves,
    draw_grid,
    draw_picture,
    draw_text,
    of_like_scale,
    options_as_html,
)
from cut.options import Options
from cut.training.evaluation import best_evaluation
from cut.training.evaluation_table import measure_columns, significant, unaveraged_columns
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent

LAST_WORDS_SECONDS = 10.0  # at the end of a run, for a server that answers
# With --display_id N a window's name is a number from N on, in this order; pictures and measures follow.
NUMBERED = ("losses", "images", *RATES, "options")


class VisdomView(Listener):
    """Draws the losses and rates every `print_freq` images, the pictures every `display_freq` images, and the measures.

    All sending is done by a thread of its own, see `Sender`: a missing, lost or returned server is reported once each,
    and the training goes on. `display_id` is the number of the first of its windows; where it is unset they have names.
    Every window is drawn whole from the record of the run, so it does not matter what the server still has.

    Args:
        record: called before this listener.
        say: takes messages for the user; called from the training's own thread.
        connect: makes the server from (address, port, environment).
    """

    def __init__(
        self,
        record: Record,
        say: Callable[[str], None] = print,
        connect: Callable[[str, int, str], Any] = VisdomServer,
    ) -> None:
        self.record, self.say, self.connect = record, say, connect

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.monitoring = monitoring = options.monitoring
        shared, fresh = is_shared(monitoring.display_env), progress.images == 0
        self.name = plain(options.run.name)
        self.title = f"{run_title(options)}: " if shared else ""
        self.numbers = {name: number for number, name in enumerate(NUMBERED)}
        self.said_not_finite = False
        environment = environment_name(monitoring.display_env, options.run.name)
        server = self.connect(monitoring.display_server, monitoring.display_port, environment)
        # The windows of an earlier run of the same name would be taken for those of this run.
        self.sender = Sender(server, begin=(lambda server: server.clear()) if fresh and not shared else None)
        self.options_text = options_as_html(options, facts)
        self.groups: list[list[str]] = []  # the losses that share a window
        self.first = True  # whether the first step is still to come
        self.sender.decided.wait(FIRST_ANSWER_SECONDS)  # not longer: the address of a host can take minutes to find
        self._pass_on_news()

    def after_step(self, event: StepEvent) -> None:
        self._pass_on_news()
        first, self.first = self.first, False  # it is shown at once, so that the page shows that the run is alive
        monitoring = self.monitoring
        if event.due(monitoring.display_freq) or (first and monitoring.display_freq > 0):
            self._draw_images(event.images())
        if event.due(monitoring.print_freq) or (first and monitoring.print_freq > 0):
            self._draw_curves(event)
        if first:
            self._draw_measures()
            self._give("options", partial(draw_text, content=self.options_text))

    def after_epoch(self, event: EpochEvent) -> None:
        self._pass_on_news()

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self._draw_measures()

    def finish(self, progress: Progress) -> None:
        self.sender.close(LAST_WORDS_SECONDS)
        self._pass_on_news()

    def _pass_on_news(self) -> None:
        for sentence in self.sender.news():
            self.say(sentence)

    def _draw_curves(self, event: StepEvent) -> None:
        """The losses and rates; where none is logged yet, the losses of this step."""
        losses = self.record.losses.points() or (Point(event.progress.epochs, event.losses),)
        if not self.groups:  # by the first steps: curves do not change their windows, and numbered windows have one
            numbered = self.monitoring.display_id is not None
            self.groups = [list(as_curves(losses)[1])] if numbered else of_like_scale(losses)
        listed = {name for names in self.groups for name in names}
        self.groups[-1] += dict.fromkeys(name for one in losses for name in one.values if name not in listed)
        for number, names in enumerate(self.groups):
            some = [Point(one.epochs, {name: one.values[name] for name in names if name in one.values})
                    for one in losses]  # fmt: skip
            self._give_curves(f"losses {number + 1}" if number else "losses", some)
        for name in RATES:
            self._give_curves(name, self.record.rates.points_of(name))

    def _draw_measures(self) -> None:
        evaluations = self.record.evaluations
        for measure in measure_columns(evaluations):
            best = best_evaluation([one for one in evaluations if measure.is_in(one)], measure.name)
            said = "" if best is None else f" (best {significant(measure.value(best))}, epoch {best.epoch})"
            self._give_curves(measure.label, self.record.measures.points_of(measure.label), said)
        for measure in unaveraged_columns(evaluations):
            self._give_curves(measure.label, self.record.measures.points_of(measure.label))

    def _give_curves(self, purpose: str, points: Sequence[Point], said: str = "") -> None:
        if points:
            self._give(purpose, partial(draw_curves, points=points, heading=purpose, said=said))

    def _draw_images(self, images: Mapping[str, Tensor]) -> None:
        broken = not_finite(images)
        if broken and not self.said_not_finite:
            self.said_not_finite = True
            self.say(f"Pixels of {' and '.join(broken)} are not finite; they are shown in magenta.")
        columns, width = self.monitoring.display_ncols, self.monitoring.display_winsize
        pictures = first_of_batch(images)  # copies: the tensors may be overwritten by the next step
        if columns > 0:
            self._give("images", partial(draw_grid, pictures=pictures, columns=columns, width=width))
            return
        for name, picture in pictures.items():  # as published: a window for each
            self._give(name, partial(draw_picture, picture=picture, width=width))

    def _give(self, purpose: str, draw: Callable[..., None]) -> None:
        """Hand over the content of a window: `draw(server, window=…, title=…)`."""
        window, title = self._window(purpose), f"{self.title}{purpose}"
        self.sender.give(window, partial(draw, window=window, title=title))

    def _window(self, purpose: str) -> str:
        """The id of a window: counted from `display_id`, else named after the run so that runs do not share one."""
        if self.monitoring.display_id is None:
            return f"{self.name}_{re.sub(r'[^A-Za-z0-9.-]+', '_', purpose)}"
        number = self.numbers.setdefault(purpose, len(self.numbers))
        return str(self.monitoring.display_id + number)
