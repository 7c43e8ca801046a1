"""What the page of a run shows, as data: the page is built from it, and updates itself from it through `data.js`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cut import strict_json
from cut.errors import UserError
from cut.monitoring.pace import duration
from cut.monitoring.previews import FOLDER, PreviewFiles, file_name
from cut.monitoring.record import Record
from cut.monitoring.series import Series, as_curves
from cut.monitoring.web.picture_history import PictureHistory, picture_file
from cut.reading import open_regular
from cut.training.evaluation import Evaluation
from cut.training.evaluation_table import Column, describe_details, measure_columns, significant, unaveraged_columns
from cut.training.listener import Progress

VARIABLE = "window.runData = "
MOST_BYTES = 2**26  # of such a script; a real one has less than a hundredth of it
FRAMES = 120  # of the film; a slider cannot be set more finely


def script(data: Mapping[str, Any]) -> bytes:
    """A script that assigns `data`: a page opened from disk may load scripts, but no JSON.

    No text in it can end the script or begin markup: <, > and & are written as escapes, as is all that is not ASCII.
    """
    text = strict_json.dumps(data, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f"{VARIABLE}{text};\n".encode()


def read_script(file: Path) -> dict[str, Any]:
    """What `script` wrote.

    Raises:
        UserError: when it is missing, unreadable or something else.
    """
    try:
        with open_regular(file) as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        data = strict_json.loads(content.decode().removeprefix(VARIABLE).rstrip().removesuffix(";"))
        if not isinstance(data, dict):
            raise ValueError("it holds no data of a page")
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise UserError(f"{file} is damaged ({error}); continuing the run writes it again.") from error
    return data


def picture_order(folder: Path) -> list[str]:
    """The labels of the training pictures in display order, as the data in the page's folder has them."""
    try:
        return [str(picture["label"]) for picture in read_script(folder / "data.js")["batch"]["pictures"]]
    except (UserError, KeyError, TypeError):
        return []


def facts(progress: Progress, record: Record, rate: float | None, state: str) -> list[tuple[str, str]]:
    """Where the run stands, as (name, text); `rate` is the learning rate, None before the first step."""
    pace, memory = record.pace, record.peak_memory_bytes
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


def film_data(previews: PreviewFiles, progress: Progress) -> dict[str, Any] | None:
    """The frames of the film: where they are, and when they were made; None without any."""
    if not previews.times:
        return None
    frames = evenly(previews.times, FRAMES)
    return {
        "files": [preview_link(file_name(images)) for images in frames],
        "labels": [moment(images, progress.images_per_epoch) for images in frames],
    }


def preview_link(file: str) -> str:
    """The link from the page to a file of the previews."""
    return f"../{FOLDER}/{file}"


def evenly(times: Sequence[int], limit: int) -> list[int]:
    """At most `limit` of the times, spread evenly from the first to the last."""
    last = len(times) - 1
    if last < limit:
        return list(times)
    return [times[index * last // (limit - 1)] for index in range(limit)]


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

    `lines` of cells, the first being the heading; `deciding`, the number of the line of the measure that decides,
    None without a best; `notes` on what they mean.
    """
    if last is None:
        return None
    shown = [("last" if best is None else "last and best", last)]
    if best is not None and best.epoch != last.epoch:
        shown = [("last", last), ("best", best)]
    lines = [["", *(f"{word}: epoch {one.epoch}" for word, one in shown)]]
    measures = measure_columns(one for _, one in shown)
    for measure in [*measures, *unaveraged_columns(one for _, one in shown)]:
        arrow = "↑" if measure.higher_is_better else "↓"
        values = (measure.text(one).replace("± ", "±\N{NO-BREAK SPACE}") for _, one in shown)
        lines.append([f"{measure.label}\N{NO-BREAK SPACE}{arrow}", *values])
    notes, deciding = [], None
    if best is not None and best_metric is not None and best_metric in best.measures:
        label = best.label(best_metric)
        deciding = 1 + measures.index(Column(best_metric, label))
        notes.append(
            f"Epoch {best.epoch} is the best because {label} decides: orange here, dashed in the curves. "
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
    """The best measurement and its deciding value, for the marks in the curves."""
    if best is None or best_metric is None:
        return None
    value = best.measures.get(best_metric)
    # Rounded like the points of the curve, or the mark would lie beside a curve that hardly changes.
    return {"label": best.label(best_metric), "epoch": best.epoch, "value": None if value is None else short(value)}


def curves_data(series: Series) -> dict[str, Any]:
    """{"x": […], "y": {name: […]}}; null where a point has no value of a name."""
    epochs, curves = as_curves(series.points())
    values = {name: [short(one) if math.isfinite(one) else None for one in curve] for name, curve in curves.items()}
    return {"x": [short(one) for one in epochs], "y": values}


def short(value: float) -> float:
    """Six significant digits, two more than are shown, so that rounding again gives the number in the table."""
    return float(f"{value:.6g}")
