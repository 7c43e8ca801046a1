"""The title of a run, the name of its method, and the published log line, which plotting scripts read."""

import re
from collections.abc import Mapping
from typing import Any

from cut.options import Options
from cut.registry import MODELS
from cut.training.listener import StepEvent

LINE = re.compile(r"\(epoch: (?P<epoch>\d+), iters: (?P<iters>\d+), ")


def log_line(event: StepEvent) -> str:
    """The line of one step: "(epoch: 3, iters: 100, time: 0.123, data: 0.004) G_GAN: 0.313 D_real: 0.256 ".

    "iters" are the images seen in this epoch, and times are seconds per image.
    """
    at = event.progress
    head = f"(epoch: {at.epoch}, iters: {at.epoch_images}, time: {event.seconds:.3f}, data: {event.data_seconds:.3f}) "
    return head + "".join(f"{name}: {value:.3f} " for name, value in event.losses.items())


def run_title(options: Options) -> str:
    """The title of a run on pages and plots: its name, or "LABEL (NAME)" where an `easy_label` was given."""
    label, name = options.run.easy_label, options.run.name
    return name if label in ("", "experiment_name", name) else f"{label} ({name})"  # "experiment_name": the default


def method_label(options: Mapping[str, Any]) -> str:
    """What a run with these options trains, with its preset: "CUT", "FastCUT", "SinCUT (FastCUT)"."""
    entry = MODELS[options["model"]]
    label, preset = entry.label or entry.name, str(options.get(entry.preset_option))
    if preset not in entry.presets:
        return label
    return preset if label in preset else f"{label} ({preset})"
