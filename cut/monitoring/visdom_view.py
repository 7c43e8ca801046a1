"""Live plots on a visdom server, where there is one. Nothing that happens to the server reaches the training."""

import html
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from torch import Tensor

from cut.monitoring.lines import run_title
from cut.monitoring.pictures import first_of_batch, grid
from cut.options import Options
from cut.training.listener import Listener, Progress, RunFacts, StepEvent

CONNECT_SECONDS = 2.0  # for a machine that does not answer; one without a server refuses at once
PATIENCE_SECONDS = 30.0  # for one plot; a server that needs longer is taken to hang
QUEUE_LENGTH = 8  # plots that may wait; a slow server misses some instead of slowing the training

Plot = Callable[[Any], None]  # draws on a visdom.Visdom


class VisdomView(Listener):
    """Sends the losses every `print_freq` images and a table of pictures every `display_freq` images.

    All sending is done by a thread of its own. With `display_id` unset a server is used if one answers; 0 or less
    turns visdom off; more is the id of the first of its windows. When the server is missing, fails or hangs, that is
    said once and the plots end; the training goes on.

    Args:
        say: takes the sentence about a missing or lost server.
        connect: makes the client from (server, port, environment); tests put a fake here.
    """

    def __init__(self, say: Callable[[str], None] = print, connect: Callable[[str, int, str], Any] | None = None):
        self.say = say
        self.connect = connect or _connect
        self.sender: _Sender | None = None

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        monitoring = options.monitoring
        if monitoring.display_id is not None and monitoring.display_id <= 0:
            return
        self.monitoring = monitoring
        self.title, self.name = run_title(options), options.run.name
        self.drawn: set[str] = set()  # losses that have a line already
        self.continued = progress.images > 0
        self.address = f"{monitoring.display_server}:{monitoring.display_port}"
        if not _answers(monitoring.display_server, monitoring.display_port):
            self.say(f"No visdom server answers at {self.address}: no live plots (--display_id 0 leaves this unsaid).")
            return
        server, port, environment = monitoring.display_server, monitoring.display_port, monitoring.display_env
        self.sender = _Sender(lambda: self.connect(server, port, environment))

    def after_step(self, event: StepEvent) -> None:
        if self.sender is None:
            return
        lost = self.sender.trouble()
        if lost is not None:
            self.say(f"The visdom server at {self.address} {lost}, so the live plots end here; the training goes on.")
            self.sender = None
            return
        if event.due(self.monitoring.print_freq):
            progress, losses = event.progress, dict(event.losses())
            epochs = progress.epoch - 1 + progress.epoch_images / progress.images_per_epoch
            self.sender.offer(lambda visdom: self._draw_losses(visdom, epochs, losses))
        if event.due(self.monitoring.display_freq):
            images = dict(event.images())
            self.sender.offer(lambda visdom: self._draw_images(visdom, images))

    def finish(self, progress: Progress) -> None:
        if self.sender is not None:
            self.sender.close()
            self.sender = None

    def _draw_losses(self, visdom: Any, epochs: float, losses: Mapping[str, float]) -> None:
        window = self._window(0, "losses")
        for name, value in losses.items():
            if not np.isfinite(value):
                continue
            # Without `update` a window is begun anew; a continued run adds to the one it left, if it is still there.
            update = "append" if self.drawn or self.continued else None
            layout = {"title": f"{self.title}: losses", "xlabel": "epoch", "ylabel": "loss", "showlegend": True}
            visdom.line(Y=np.array([value]), X=np.array([epochs]), win=window, name=name, update=update, opts=layout)
            self.drawn.add(name)

    def _draw_images(self, visdom: Any, images: Mapping[str, Tensor]) -> None:
        pictures = first_of_batch(images)
        columns, size = self.monitoring.display_ncols, self.monitoring.display_winsize
        if columns <= 0:  # as published: a window for each
            for index, (label, picture) in enumerate(pictures.items(), start=1):
                opts = {"title": label, "width": size, "height": size * picture.shape[0] // picture.shape[1]}
                visdom.image(picture.transpose(2, 0, 1), win=self._window(index, label), opts=opts)
            return
        table = grid(list(pictures.values()), columns)
        width = min(columns, len(pictures)) * size
        opts = {"title": f"{self.title}: images", "width": width, "height": width * table.shape[0] // table.shape[1]}
        visdom.image(table.transpose(2, 0, 1), win=self._window(1, "images"), opts=opts)
        labels = [html.escape(label) for label in pictures]
        rows = (labels[first : first + columns] for first in range(0, len(labels), columns))
        cells = "".join("<tr>" + "".join(f"<td>{label}</td>" for label in row) + "</tr>" for row in rows)
        text = f"<table border='1' cellpadding='8'>{cells}</table>"
        visdom.text(text, win=self._window(2, "labels"), opts={"title": f"{self.title}: labels"})

    def _window(self, offset: int, purpose: str) -> str:
        """The id of a window: counted from `display_id`, else named after the run so that runs do not share one."""
        if self.monitoring.display_id is None:
            return f"{self.name}_{purpose}"
        return str(self.monitoring.display_id + offset)


class _Sender:
    """A thread that makes the client and draws with it, so that the training never waits for the server."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.connect = connect
        self.plots: queue.Queue[Plot | None] = queue.Queue(QUEUE_LENGTH)
        self.failure: str | None = None
        self.busy_since: float | None = time.monotonic()
        self.thread = threading.Thread(target=self._run, name="visdom", daemon=True)  # never keeps the process alive
        self.thread.start()

    def offer(self, plot: Plot) -> None:
        try:
            self.plots.put_nowait(plot)
        except queue.Full:
            pass  # the next plot shows it

    def trouble(self) -> str | None:
        """What happened to the server, as a predicate; None while all is well."""
        since = self.busy_since
        if self.failure is None and since is not None and time.monotonic() - since > PATIENCE_SECONDS:
            return f"has not answered for {PATIENCE_SECONDS:.0f} s"
        return self.failure

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self.offer(None)
        self.thread.join(timeout=5)

    def _run(self) -> None:
        try:
            visdom = self.connect()
            while True:
                self.busy_since = None
                plot = self.plots.get()
                self.busy_since = time.monotonic()
                if plot is None:
                    return
                plot(visdom)
        except Exception as error:  # whatever a foreign server and its client do, the training is not to stop
            self.failure = f"failed ({type(error).__name__}: {error})"
        finally:
            self.busy_since = None


def _answers(server: str, port: int) -> bool:
    """Whether anything listens there."""
    try:
        host = urlsplit(server if "//" in server else f"//{server}").hostname
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _connect(server: str, port: int, environment: str) -> Any:
    from visdom import Visdom  # slow to import, and not needed by a run without it

    logging.getLogger("visdom").setLevel(logging.CRITICAL)  # its own reports would tear the progress bar
    return Visdom(server=server, port=port, env=environment, raise_exceptions=True, use_incoming_socket=False)
