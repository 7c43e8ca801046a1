"""The web page of a run: one file that needs no server and no network, and stays up to date while it is open."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from cut.errors import counted
from cut.monitoring.lines import run_title
from cut.monitoring.pictures import first_of_batch, not_finite
from cut.monitoring.previews import PreviewFiles
from cut.monitoring.record import Record
from cut.monitoring.web import page_data
from cut.monitoring.web.page_layout import about_run, index_page
from cut.monitoring.web.picture_history import PictureHistory
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, PreviewEvent, Progress, RunFacts, StepEvent

SHARE = 0.01  # of the time that training takes; an update that is due waits until it stays within this share
MESSAGES = 30


class WebPage(Listener):
    """Writes `web/index.html`, with everything as text and pictures, and `web/data.js`, from which an open page updates
    itself.

    Both are written every `update_html_freq` images, at the first pictures of an epoch, at its end and after a
    measurement, but never for more than 1 % of the run's time. They do not grow with the run: curves are thinned, and
    the pictures of the epochs are on pages of their own. The pictures of the current batch are saved every
    `display_freq` images.

    Args:
        record, previews: called before this listener.
        say: takes the sentences about where the page is, and about a picture that is not finite.
    """

    def __init__(
        self,
        record: Record,
        previews: PreviewFiles,
        say: Callable[[str], None] = print,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.record, self.previews, self.say, self.clock = record, previews, say, clock

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.options, self.facts, self.progress = options, facts, progress
        self.began, self.spent = self.clock(), 0.0
        self.due = self.told_broken = False
        self.rate: float | None = None
        self.messages: deque[str] = deque(maxlen=MESSAGES)
        self.start_of_page = round(time.time(), 1)  # seconds since 1970, which browsers count too
        self.about = about_run(options, facts)

        self.folder = options.run.folder / "web"
        last_epoch = progress.epoch if progress.images > 0 else 0  # a start that never saved may have left some
        order, width = page_data.picture_order(self.folder), options.monitoring.display_winsize
        self.history = PictureHistory(self.folder, run_title(options), last_epoch, width, order)
        self._write()
        if options.monitoring.update_html_freq > 0:
            self.say(f"Watch it: {self.folder / 'index.html'}")  # the first thing that a run says

    def after_preview(self, event: PreviewEvent) -> None:
        if event.progress.images == 0:  # at once: the first step may take its time
            self._write()

    def after_step(self, event: StepEvent) -> None:
        monitoring = self.options.monitoring
        self.progress, self.rate = event.progress, event.learning_rate
        if event.due(monitoring.display_freq):
            self._save_pictures(event)
        self.due |= event.due(monitoring.update_html_freq)
        self._write_if_due()

    def after_epoch(self, event: EpochEvent) -> None:
        self.progress, self.due = event.progress, True
        self._write_if_due()

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.due = True
        self._write_if_due()

    def folder_made_again(self, progress: Progress) -> None:
        self.history.forget()
        self.due = True

    def message(self, text: str) -> None:
        self.messages.append(text)

    def finish(self, progress: Progress) -> None:
        self.progress = progress
        self._write("finished" if progress.images_left <= 0 else "stopped")

    def _save_pictures(self, event: StepEvent) -> None:
        images, epoch = event.images(), event.progress.epoch
        if not self.told_broken and (labels := not_finite(images)):
            self.told_broken = True
            which = f"{' and '.join(labels)} after {counted(event.progress.images, 'image')}"
            self.say(f"Some pixels of {which} are not finite; the web page shows such pixels in magenta.")
        self.due |= self.history.newest is None or self.history.newest[0] < epoch
        self.history.save(epoch, first_of_batch(images))

    def _write_if_due(self) -> None:
        if self.due and self.spent <= SHARE * (self.clock() - self.began):
            self._write()

    def _write(self, state: str = "training") -> None:
        started = self.clock()
        data = self._data(state)
        self.history.write_pages()
        index = index_page(data, self.options, self.about, self.previews, self.history).render().encode()
        write_atomically(self.folder / "index.html", index, durable=False)
        write_atomically(self.folder / "data.js", page_data.script(data), durable=False)
        self.due = False
        self.spent += self.clock() - started

    def _data(self, state: str) -> dict[str, Any]:
        progress, record = self.progress, self.record
        total = progress.images + max(0, progress.images_left)
        return {
            "page": self.start_of_page,  # an open page of an earlier start reloads itself
            "title": run_title(self.options),
            "state": state,
            "updated": round(time.time(), 1),
            "expected": self._seconds_to_next(),
            "done": round(progress.images / total, 4) if total else 1.0,
            "facts": page_data.facts(progress, record, self.rate, state),
            "table": page_data.measure_table(record.last, record.best, self.facts.best_metric),
            "film": page_data.film_data(self.previews, progress),
            "batch": page_data.batch_data(self.history),
            "width": self.options.monitoring.display_winsize,
            "best": page_data.best_data(record.best, self.facts.best_metric),
            "measures": page_data.curves_data(record.measures),
            "spread": page_data.curves_data(record.spread),
            "losses": page_data.curves_data(record.losses),
            "speed": page_data.curves_data(record.rates),
            "messages": list(self.messages),
        }

    def _seconds_to_next(self) -> float | None:
        """Expected time to the next update, which tells an open page how often to reload the data."""
        rate, every = self.record.pace.images_per_second, self.options.monitoring.update_html_freq
        if not rate:
            return None
        return round(min(every or self.progress.images_per_epoch, self.progress.images_per_epoch) / rate, 1)
