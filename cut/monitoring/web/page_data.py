"""What the page of a run shows, as data: the page is made of it, and renews itself from it through `data.js`."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cut import strict_json
from cut.measures import MEASURES
from cut.monitoring.pace import Pace, duration
from cut.monitoring.web.curves import short
from cut.monitoring.web.film import Film
from cut.monitoring.web.picture_history import PictureHistory, picture_file
from cut.training.evaluation import Evaluation, describe_details, measure_columns, significant
from cut.training.listener import Progress

VARIABLE = "window.runData = "


def script(data: Mapping[str, Any]) -> bytes:
    """A script that assigns `data`: a page opened from disk may load scripts, but no JSON.

    No text in it can end the script or begin markup: <, > and & are written as escapes, as is all that is not ASCII.
    """
    text = strict_json.dumps(data, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f"{VARIABLE}{text};\n".encode()


def read_script(file: Path) -> dict[str, Any] | None:
    """What `script` wrote; None where the file is missing or is something else."""
    try:
        data = json.loads(file.read_text(encoding="utf-8").removeprefix(VARIABLE).rstrip().removesuffix(";"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


# ---------------------------------------------------------------------- the parts of it


def facts(progress: Progress, pace: Pace, rate: float | None, memory: int | None, state: str) -> list[tuple[str, str]]:
    """Where the run stands, as (name, text).

    Args:
        rate: the learning rate; None before the first step.
        memory: the most bytes held so far; None where unknown.
        state: "training", "finished" or "stopped".
    """
    total = progress.images + max(0, progress.images_left)
    known = [
        ("epoch", f"{min(progress.epoch, progress.last_epoch):,} of {progress.last_epoch:,}"),
        ("images seen", f"{progress.images:,} of {total:,}"),
    ]
    left = pace.seconds_left(progress)
    if state == "training":
        known.append(("time left", "not known yet" if left is None else duration(left)))
    if pace.images_per_second is not None:
        known.append(("speed", f"{pace.images_per_second:.3g} images/s"))
    if rate is not None:
        known.append(("learning rate", f"{rate:.3g}"))
    if memory is not None:
        known.append(("memory", f"{memory / 2**30:.1f} GiB at most"))
    return known


def film_data(film: Film | None, progress: Progress) -> dict | None:
    """The frames of the film: where they are, and when they were made."""
    if film is None or not film.times:
        return None
    frames = film.frames()
    return {
        "files": [film.address(images) for images in frames],
        "labels": [moment(images, progress.images_per_epoch) for images in frames],
    }


def moment(images: int, images_per_epoch: int) -> str:
    """ "before training", "epoch 3" (at its end), "epoch 3.4": when a picture was made."""
    if images == 0:
        return "before training"
    epochs = images / images_per_epoch
    return f"epoch {epochs:.3g}" if epochs < 10 else f"epoch {epochs:.1f}".removesuffix(".0")


def batch_data(history: PictureHistory) -> dict | None:
    """The newest pictures of a training batch."""
    if history.newest is None:
        return None
    epoch, sizes = history.newest
    return {
        "epoch": epoch,
        "version": history.version,  # tells an open page when to load the files again, whose names stay
        "pages": history.links(),
        "pictures": [
            {"label": label, "file": picture_file(epoch, label), "width": width, "height": height}
            for label, (width, height) in sizes.items()
        ],
    }


def measure_table(last: Evaluation | None, best: Evaluation | None, best_metric: str | None) -> dict | None:
    """The last and the best measurement; None before there is one.

    `lines` of cells, the first being the heading; `deciding`, the number of the line by which the best is the best,
    None without a best; `notes` on what they mean.
    """
    if last is None:
        return None
    shown = [("last", last), ("best", best)]
    if best is None or best.epoch == last.epoch:
        shown = [("last" if best is None else "last and best", last)]
    lines = [["", *(f"{word}: epoch {one.epoch}" for word, one in shown)]]
    measures = measure_columns(one for _, one in shown)
    for measure in measures:
        arrow = "↑" if MEASURES[measure.name].higher_is_better else "↓"
        values = (measure.text(one).replace("± ", "±\N{NO-BREAK SPACE}") for _, one in shown)
        lines.append([f"{measure.label}\N{NO-BREAK SPACE}{arrow}", *values])
    decided = best is not None and best_metric in best.measures
    deciding = 1 + measures.index((best_metric, best.label(best_metric))) if decided else None
    notes = []
    if deciding is not None:
        notes.append(
            f"Epoch {best.epoch} is the best because {best.label(best_metric)} decides: orange here, dashed in the "
            "curves. "
            "Other measures may favour another epoch."
        )
    told = dict.fromkeys(describe_details(one) for _, one in shown)
    notes += told if len(told) == 1 else [f"{word.capitalize()}: {describe_details(one)}" for word, one in shown]
    seconds = duration(last.seconds) if last.seconds >= 10 else f"{significant(last.seconds, 2)} s"
    share = last.details.get("cost_share")
    shares = f", all of them {share:.1%} of the run's time" if share else ""
    notes.append(f"The last measurement took {seconds}{shares}.")
    return {"lines": lines, "deciding": deciding, "notes": notes}


def best_data(best: Evaluation | None, best_metric: str | None) -> dict | None:
    """The best measurement and the value that made it so, for its marks in the curves."""
    if best is None:
        return None
    value = best.measures.get(best_metric)
    # Rounded as the curve's points are, or the mark would lie beside a curve that hardly changes.
    return {"label": best.label(best_metric), "epoch": best.epoch, "value": None if value is None else short(value)}


def now() -> float:
    """Seconds since 1970, which browsers count too."""
    return round(time.time(), 1)
