"""The web page of a run: one file that needs no server and no network, and stays up to date while it is open."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cut.errors import UserError
from cut.monitoring.lines import run_title
from cut.monitoring.log_files import METRICS, read_metrics
from cut.monitoring.pace import Pace
from cut.monitoring.pictures import first_of_batch, not_finite
from cut.monitoring.web import page_data
from cut.monitoring.web.curves import Curves
from cut.monitoring.web.film import Film
from cut.monitoring.web.page_layout import about_run, index_page
from cut.monitoring.web.picture_history import PictureHistory
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.evaluation import Evaluation, best_evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent

SHARE = 0.01  # of the time that training takes; an update that is due waits until it has been earned
MESSAGES = 30


class WebPage(Listener):
    """Writes `web/index.html`, with everything as text and pictures, and `web/data.js`, from which an open page renews
    itself.

    Both are written every `update_html_freq` images, at the first pictures of an epoch, at its end and after a
    measurement, but never for more than 1 % of the run's time. How long the run is makes no difference: curves are
    thinned, and the pictures of the epochs are on pages of their own. The pictures of the current batch are saved every
    `display_freq` images.

    Args:
        say: takes the sentence about a picture that is not finite.
        clock: seconds from any point in time.
    """

    def __init__(self, say: Callable[[str], None] = print, clock: Callable[[], float] = time.perf_counter) -> None:
        self.say, self.clock = say, clock
        self.pace = Pace(clock)

    # ------------------------------------------------------------------ what the loop tells

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.options, self.facts, self.progress = options, facts, progress
        self.pace.start(options, progress, facts)
        self.began, self.spent, self.last_written = self.clock(), 0.0, self.clock()
        self.due = self.told_broken = False
        self.rate: float | None = None
        self.memory: int | None = None
        self.messages: deque[str] = deque(maxlen=MESSAGES)
        self.start_of_page = page_data.now()
        self.about = about_run(options, facts)

        run_folder = options.run.folder
        self.folder = run_folder / "web"
        try:
            width = options.monitoring.display_winsize
            kept_epoch = progress.epoch if progress.images > 0 else 0  # a start that never saved may have left some
            self.history = PictureHistory(self.folder, run_title(options), kept_epoch, width)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"{self.folder} cannot be written ({reason}); check it and its permissions.") from error
        self.film = Film.of_run(run_folder, progress.images)
        self._read_curves(run_folder / METRICS)
        self._write()

    def after_step(self, event: StepEvent) -> None:
        monitoring = self.options.monitoring
        self.progress, self.rate = event.progress, event.learning_rate
        self.pace.after_step(event)
        if event.due(monitoring.print_freq):
            self._add_losses(
                event.progress.epochs,
                event.losses(),
                event.learning_rate,
                event.seconds + event.data_seconds,
            )
        if self.film is not None and event.due(monitoring.evaluation_freq):
            self.film.add(event.progress.images)
        if event.due(monitoring.display_freq):
            self._save_pictures(event)
        self.due |= event.due(monitoring.update_html_freq)
        if self.due and self._affordable():
            self._write()

    def after_epoch(self, event: EpochEvent) -> None:
        self.progress, self.memory, self.due = event.progress, event.peak_memory_bytes, True
        if self._affordable():
            self._write()

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.pace.after_evaluation(event)
        self._add_evaluation(event.evaluation)
        self.best, self.due = event.best, True
        if self._affordable():
            self._write()

    def message(self, text: str) -> None:
        self.messages.append(text)

    def finish(self, progress: Progress) -> None:
        self.progress = progress
        self._write("finished" if progress.images_left <= 0 else "stopped")

    # ------------------------------------------------------------------ what is kept

    def _read_curves(self, metrics: Path) -> None:
        """The curves so far, which are only what a continued run had logged."""
        self.losses, self.speed, self.measures, self.spread = Curves(), Curves(), Curves(), Curves()
        self.last: Evaluation | None = None
        if self.progress.images > 0:
            for entry in read_metrics(metrics):
                epochs = entry["epoch"] - 1 + entry["epoch_images"] / self.progress.images_per_epoch
                seconds = (entry.get("seconds_per_image") or 0) + (entry.get("data_seconds_per_image") or 0)
                self._add_losses(epochs, entry["losses"], entry.get("learning_rate"), seconds)
        for evaluation in self.facts.evaluations:
            self._add_evaluation(evaluation)
        name = self.facts.best_metric
        self.best = best_evaluation(self.facts.evaluations, name) if name else None

    def _add_losses(
        self, epochs: float, losses: Mapping[str, float | None], rate: float | None, seconds: float
    ) -> None:
        self.losses.add(epochs, losses)
        self.speed.add(epochs, {"learning rate": rate, "images per second": 1 / seconds if seconds > 0 else None})

    def _add_evaluation(self, evaluation: Evaluation) -> None:
        self.measures.add(evaluation.epoch, evaluation.labelled(evaluation.measures))
        self.spread.add(evaluation.epoch, evaluation.labelled(evaluation.spread))
        self.last = evaluation

    def _save_pictures(self, event: StepEvent) -> None:
        images, epoch = event.images(), event.progress.epoch
        if not self.told_broken and (labels := not_finite(images)):
            self.told_broken = True
            which = f"{' and '.join(labels)} after {event.progress.images:,} images"
            self.say(f"Some pixels of {which} are not finite; the web page shows such pixels in magenta.")
        self.due |= self.history.newest is None or self.history.newest[0] < epoch
        self.history.save(epoch, first_of_batch(images))

    # ------------------------------------------------------------------ writing

    def _affordable(self) -> bool:
        return self.spent <= SHARE * (self.clock() - self.began)

    def _write(self, state: str = "training") -> None:
        started = self.clock()
        data = self._data(state)
        self.history.write_pages()
        index = index_page(data, self.options, self.about, self.film, self.history).render().encode()
        write_atomically(self.folder / "index.html", lambda stream: stream.write(index), durable=False)
        write_atomically(self.folder / "data.js", lambda stream: stream.write(page_data.script(data)), durable=False)
        self.due = False
        self.last_written = self.clock()
        self.spent += self.last_written - started

    def _data(self, state: str) -> dict[str, Any]:
        progress = self.progress
        total = progress.images + max(0, progress.images_left)
        return {
            "page": self.start_of_page,  # an open page that is of another start loads itself anew
            "title": run_title(self.options),
            "state": state,
            "updated": page_data.now(),
            "expected": self._seconds_to_next(),
            "done": round(progress.images / total, 4) if total else 1.0,
            "facts": page_data.facts(progress, self.pace, self.rate, self.memory, state),
            "table": page_data.measure_table(self.last, self.best, self.facts.best_metric),
            "film": page_data.film_data(self.film, progress),
            "batch": page_data.batch_data(self.history),
            "width": self.options.monitoring.display_winsize,
            "best": page_data.best_data(self.best, self.facts.best_metric),
            "measures": self.measures.as_json(),
            "spread": self.spread.as_json(),
            "losses": self.losses.as_json(),
            "speed": self.speed.as_json(),
            "messages": list(self.messages),
        }

    def _seconds_to_next(self) -> float | None:
        """Until the next update, as far as one can tell: an open page asks about that often."""
        rate, every = self.pace.images_per_second, self.options.monitoring.update_html_freq
        if not rate:
            return None
        return round(min(every or self.progress.images_per_epoch, self.progress.images_per_epoch) / rate, 1)
