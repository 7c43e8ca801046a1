"""Listeners that show a run: terminal, logs, page, notebook, TensorBoard, W&B, visdom. Training needs none of them."""

from cut.monitoring.console import ConsoleListener
from cut.monitoring.log_files import LossLog, MetricsLog
from cut.monitoring.notebook import NotebookView, in_notebook
from cut.monitoring.previews import PreviewFiles
from cut.monitoring.record import Record
from cut.monitoring.tensorboard import TensorBoardLog
from cut.monitoring.visdom.view import VisdomView
from cut.monitoring.wandb_run import WandbRun
from cut.monitoring.web.web_page import WebPage
from cut.options import Options
from cut.training.listener import Listener


def make_listeners(options: Options) -> list[Listener]:
    """The listeners that the options ask for, in the order in which they are called.

    Raises:
        UserError: when one needs a package that is missing.
    """
    record, previews = Record(), PreviewFiles()  # called first: the views render them
    console = ConsoleListener(record)
    listeners: list[Listener] = [record, console, LossLog(), MetricsLog(), previews]
    if not options.monitoring.no_html:
        listeners.append(WebPage(record, previews, say=console.message))
    if in_notebook():
        listeners.append(NotebookView(record, previews))
    if options.monitoring.tensorboard:
        listeners.append(TensorBoardLog())
    if options.monitoring.wandb:
        listeners.append(WandbRun(say=console.message))
    display_id = options.monitoring.display_id
    if display_id is None or display_id > 0:
        listeners.append(VisdomView(record, say=console.message))
    return listeners
