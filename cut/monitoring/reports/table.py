"""The table of several runs, read from what they logged, as Markdown and as a web page."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from dominate import document, tags

from cut.html import embedded, page
from cut.html import shown as printable
from cut.monitoring.lines import method_label
from cut.monitoring.reports.runs import LoggedRun, measured
from cut.options.groups import CheckpointOptions, MonitoringOptions, RunOptions
from cut.options.machinery.catalogue import catalogue
from cut.options.machinery.layers import Layer, merge
from cut.options.machinery.words import shown
from cut.registry import MODELS
from cut.training.evaluation import Column, Evaluation, significant, unaveraged_columns

ABSENT = "—"

STYLE = """
td, th { white-space: nowrap; }
td:first-child, td:last-child { white-space: normal; min-width: 9rem; }
th:first-child, td:first-child { position: sticky; left: 0; padding-right: 1rem; background: var(--card); }
td small { display: block; color: var(--muted); }
"""
"""CSS that a report adds to the style of all pages: its first column stays when the table is scrolled."""

_NOT_THE_METHOD = {
    *RunOptions.__dataclass_fields__.keys() - {"phase", "epoch"},
    *CheckpointOptions.__dataclass_fields__.keys() - {"pretrained_name"},
    *MonitoringOptions.__dataclass_fields__,
    *("num_threads", "verify_images", "inception_weights"),
    *("nce_loss", "focal_gamma", "focal_alpha", "focal_gradient"),  # these are in its name
}
"""Options that do not separate rows: they change nothing that is trained or measured, or are in the method's name. The
seed is among them."""


@dataclass(frozen=True)
class Row:
    """The runs that differ in nothing but their seed; an unfinished run is a row of its own.

    Attributes:
        name: the label its runs were given, where no other row has it, else what was trained.
        settings: options that differ from the method's defaults, by name.
        runs: at least one.
    """

    name: str
    settings: Mapping[str, Any]
    runs: tuple[LoggedRun, ...]

    @property
    def labels(self) -> set[str]:
        return {run.options["easy_label"] for run in self.runs}


@dataclass(frozen=True)
class Cell:
    """One field of the table: a value, and in brackets a remark such as its epoch."""

    value: str = ABSENT
    remark: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.remark})" if self.remark else self.value


@dataclass(frozen=True)
class Report:
    """The table of runs, and what belongs beside it.

    Attributes:
        rows: cells, one for each column.
        facts: what all rows have in common, by name.
        notes: sentences that define the columns, and the names of the runs behind each row.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def make_report(runs: Sequence[LoggedRun]) -> Report:
    """The table of these runs, in the order of the first run of each row."""
    rows = group(runs)
    # The distances first, in the order in which they were logged.
    measures = sorted(measured(runs), key=lambda measure: measure.higher_is_better)
    unaveraged = unaveraged_columns(one for run in runs for one in run.record.evaluations)
    table = [{"method": Cell(row.name), **_cells(row.runs, measures, unaveraged)} for row in rows]
    facts = {name: shown(value) for name, value in _common(rows).items()}
    for heading in ("parameters", "device", "measured on"):  # columns only where rows differ
        if len({str(cells[heading]) for cells in table}) == 1:
            (value,) = {str(cells.pop(heading)) for cells in table}
            facts |= {heading: value} if value != ABSENT else {}
    sources = [f"{row.name}: {', '.join(run.folder.name for run in row.runs)}" for row in rows]
    return Report(list(table[0]), [list(cells.values()) for cells in table], facts, _notes(rows, measures) + sources)


def group(runs: Iterable[LoggedRun]) -> list[Row]:
    """Rows of runs that differ only in the seed. Runs on other devices, and unfinished ones, are not averaged."""
    alike: dict[tuple, list[LoggedRun]] = {}
    for run in runs:
        settings = tuple(_settings(run.options).items())
        alone = None if run.finished else run.folder
        alike.setdefault((method_name(run.options), settings, run.device, alone), []).append(run)
    rows = [Row(method, dict(settings), tuple(members)) for (method, settings, _, _), members in alike.items()]
    common, labels = _common(rows), Counter(label for row in rows for label in row.labels)
    return [replace(row, name=_row_name(row, common, labels)) for row in rows]


def method_name(options: Mapping[str, Any]) -> str:
    """What a run trains: "CUT", "FastCUT focal γ2 α0.25", "SinCUT focal γ3 α0.5 full gradient"."""
    name = method_label(options)
    if options.get("nce_loss") == "focal":
        name += f" focal γ{options['focal_gamma']:g} α{options['focal_alpha']:g}"
        name += " full gradient" if options["focal_gradient"] == "full" else ""
    return name


def over_seeds(values: Sequence[float | None]) -> str:
    """One value, or mean ± sample standard deviation with the mean's decimals; None and nan are left out."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return ABSENT
    mean = significant(statistics.fmean(known))
    if len(known) == 1:
        return mean
    decimals = len(mean.partition(".")[2])
    return f"{mean} ± {statistics.stdev(known):.{decimals}f}"


# ------------------------------------------------------------------ the forms


def as_markdown(report: Report) -> str:
    """The table and its notes as Markdown."""

    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(_plain(str(cell)) for cell in cells) + " |"

    lines = [line(report.columns), "|" + " --- |" * len(report.columns), *map(line, report.rows), ""]
    if report.facts:
        lines += ["All rows: " + "; ".join(f"{name} {_plain(value)}" for name, value in report.facts.items()) + ".", ""]
    lines += [f"- {_plain(note)}" for note in report.notes]
    return "\n".join(lines) + "\n"


def as_page(report: Report, title: str = "Runs", pictures: Mapping[str, bytes] = MappingProxyType({})) -> document:
    """The same as a web page, with PNGs by their headings below the table."""
    with page(title, report.facts, STYLE) as content:
        with tags.section(cls="card"), tags.div(cls="scroll"), tags.table():
            with tags.thead(), tags.tr():
                for heading in report.columns:
                    tags.th(printable(heading))
            with tags.tbody():
                for row in report.rows:
                    with tags.tr():
                        for cell in row:
                            remark = [tags.small(printable(cell.remark))] if cell.remark else []
                            tags.td(printable(cell.value), *remark)
        with tags.ul(cls="note"):
            for note in report.notes:
                tags.li(printable(note))
        for heading, png in pictures.items():
            with tags.section(cls="card"):
                tags.h2(heading)
                embedded(png)
    return content


def _plain(cell: str) -> str:
    """A text that stays in its cell of a Markdown table."""
    return printable(cell).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


# ------------------------------------------------------------------ the cells


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from the defaults of the run's model and preset, in the order of `--help`."""
    choice = {name: options[name] for name in ("model", MODELS[options["model"]].preset_option) if name in options}
    defaults = merge("train", [Layer(choice)]).values
    return {
        name: options[name]
        for name in catalogue(options["model"])
        if name in options and name not in _NOT_THE_METHOD and options[name] != defaults[name]
    }


def _common(rows: Sequence[Row]) -> dict[str, Any]:
    """The settings that all rows share."""
    return {item[0]: item[1] for item in rows[0].settings.items() if all(item in row.settings.items() for row in rows)}


def _row_name(row: Row, common: Mapping[str, Any], rows_with: Mapping[str, int]) -> str:
    """See `Row`. `rows_with` counts the rows with a label; until now the row's name is what was trained."""
    if len(row.labels) == 1:
        (label,) = row.labels
        if rows_with[label] == 1 and label not in ("", "experiment_name"):  # the latter is the default
            return label
    own = [f"{name} {shown(value)}" for name, value in row.settings.items() if name not in common]
    return ", ".join([row.name, *own])


def _cells(runs: Sequence[LoggedRun], measures: Sequence[Column], unaveraged: Sequence[Column]) -> dict[str, Cell]:
    """Everything of a row but its name, by heading."""
    first = runs[0]
    done = Cell(str(first.planned)) if first.finished else Cell(f"{first.epochs} of {first.planned}", "unfinished")
    cells = {"seeds": Cell(", ".join(str(run.options["seed"]) for run in runs)), "epochs": done}
    for measure in measures:
        best = f"{measure.label} at best" if measure.higher_is_better else f"best {measure.label}"
        cells[best] = _measured(measure, [run.best(measure) for run in runs])
        cells[f"last {measure.label}"] = _measured(measure, [run.last(measure) for run in runs])
    for measure in unaveraged:
        cells[f"last {measure.label}"] = _measured(measure, [run.last(measure) for run in runs])
    memory = [bytes_held for run in runs if (bytes_held := run.record.peak_memory_bytes) is not None]
    return cells | {
        "s/iteration": Cell(over_seeds([run.seconds_per_iteration for run in runs])),
        "memory": Cell(f"{max(memory) / 2**30:.2f} GiB" if memory else ABSENT),
        "parameters": Cell(_parameters(first.record.starts[-1].parameters)),
        "device": Cell(first.device),
        "measured on": Cell(_conditions(runs)),
    }


def _measured(measure: Column, evaluations: Sequence[Evaluation | None]) -> Cell:
    """A measure over the runs, with the epochs."""
    found = [one for one in evaluations if one and math.isfinite(measure.value(one))]
    missing = f", n = {len(found)}" if len(found) < len(evaluations) else ""
    return Cell(over_seeds([measure.value(one) for one in found]), _epochs(found) + missing) if found else Cell()


def _epochs(evaluations: Sequence[Evaluation]) -> str:
    """ "epoch 5", "epochs 5, 10", or the range of more than three."""
    epochs = [one.epoch for one in evaluations]
    if len(set(epochs)) == 1:
        return f"epoch {epochs[0]}"
    return f"epochs {', '.join(map(str, epochs))}" if len(epochs) <= 3 else f"epochs {min(epochs)}–{max(epochs)}"


def _parameters(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {significant(count / 1e6)} M" for name, count in counts.items() if count) or ABSENT


def _conditions(runs: Sequence[LoggedRun]) -> str:
    """What the measures of a row were measured on; every variant, if that changed when a run was continued."""
    found = dict.fromkeys(_condition(one.details) for run in runs for one in run.record.evaluations)
    return "; ".join(text for text in found if text) or ABSENT


def _condition(details: Mapping[str, Any]) -> str:
    if "fake_count" not in details or "real_count" not in details:
        return ""
    counts = f"{details['fake_count']} translations and {details['real_count']} real images"
    sizes = dict.fromkeys(details[name] for name in ("fake_sizes", "real_sizes") if details.get(name))
    of = f" of {details['split']}" if details.get("split") else ""
    return ", ".join(filter(None, [counts + of, " and ".join(sizes), details.get("extractor")]))


def _notes(rows: Sequence[Row], measures: Sequence[Column]) -> list[str]:
    sizes = sorted({run.options["batch_size"] for row in rows for run in row.runs})
    images = "1 image" if sizes == [1] else f"{' or '.join(map(str, sizes))} images"
    notes: list[str] = []
    distances = [measure.label for measure in measures if not measure.higher_is_better]
    if distances:
        notes.append(f"best {', '.join(distances)}: the smallest of all measured epochs, each by itself.")
    if len(distances) < len(measures):
        notes.append("at best: in the epoch that was kept as best, by --best_metric.")
    if any(len(row.runs) > 1 for row in rows):
        notes.append("±: the sample standard deviation over the seeds.")
    return [
        *notes,
        f"s/iteration: the median over the epochs of an epoch's seconds by its optimizer steps of {images}: with "
        "waiting for data, logging and saving, without measuring.",
        "memory: the most that a run held, measuring included, in tensors on a GPU, as a process on a CPU.",
    ]
