"""The table of several runs, read from what they logged, and its form as Markdown."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cut.html import shown as printable
from cut.monitoring.lines import method_label
from cut.monitoring.reports.runs import LoggedRun, measured
from cut.options.groups import CheckpointOptions, MonitoringOptions, RunOptions
from cut.options.machinery.catalogue import catalogue
from cut.options.machinery.layers import Layer, merge
from cut.options.machinery.words import shown
from cut.registry import MODELS, NCE_LOSSES, NCE_SAMPLERS
from cut.training.evaluation import Evaluation
from cut.training.evaluation_table import Column, significant, unaveraged_columns

ABSENT = "—"

_NOT_THE_METHOD = {
    *RunOptions.__dataclass_fields__.keys() - {"phase", "epoch"},
    *CheckpointOptions.__dataclass_fields__.keys() - {"pretrained_name"},
    *MonitoringOptions.__dataclass_fields__,
    *("num_threads", "verify_images", "inception_weights"),
}
"""Options that do not separate rows, as they change nothing that is trained or measured. The seed is among them."""

_IN_NAMES = (NCE_LOSSES, NCE_SAMPLERS)
"""The components whose choice is in the name of a method."""


@dataclass(frozen=True)
class Row:
    """The runs that differ in nothing but their seed; an unfinished run is a row of its own.

    Attributes:
        name: the label its runs were given, where no other row has it, else the method, with the options in which it
            differs from other rows of that method.
        settings: options that differ from the method's defaults, by name.
        runs: at least one.
        unnamed: the settings that differ from those of other rows and are not in the name.
    """

    name: str
    settings: Mapping[str, Any]
    runs: tuple[LoggedRun, ...]
    unnamed: Mapping[str, Any] = field(default_factory=dict)

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
        columns: their headings; the first two are the method and its runs.
        rows: cells, one for each column.
        chosen: the columns to look at first.
        facts: what all rows have in common, by name.
        notes: sentences that define the columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    chosen: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def make_report(runs: Sequence[LoggedRun]) -> Report:
    """The table of these runs, in the order of the first run of each row."""
    rows = group(runs)
    # The distances first, in the order in which they were logged.
    measures = sorted(measured(runs), key=lambda measure: measure.higher_is_better)
    unaveraged = unaveraged_columns(one for run in runs for one in run.record.evaluations)
    table = [_named(row) | _cells(row.runs, measures, unaveraged) | _settings_cell(row) for row in rows]
    facts = {name: shown(value) for name, value in _common(rows).items()}
    for heading in ("parameters", "device", "measured on", "settings"):  # columns only where rows differ
        if len({str(cells[heading]) for cells in table}) == 1:
            (value,) = {str(cells.pop(heading)) for cells in table}
            facts |= {heading: value} if value != ABSENT else {}
    columns = list(table[0])
    chosen = [name for name in _chosen(rows, measures) if name in columns]
    return Report(columns, [list(cells.values()) for cells in table], chosen, facts, _notes(rows, measures))


def group(runs: Iterable[LoggedRun]) -> list[Row]:
    """Rows of runs that differ only in the seed. Runs on other devices, and unfinished ones, are not averaged."""
    alike: dict[tuple, list[LoggedRun]] = {}
    for run in runs:
        settings = tuple(_settings(run.options).items())
        alone = None if run.finished else run.folder
        alike.setdefault((method_name(run.options), settings, run.device, alone), []).append(run)
    rows = [Row(method, dict(settings), tuple(members)) for (method, settings, _, _), members in alike.items()]
    labels = Counter(label for row in rows for label in row.labels)
    return [_with_name(row, rows, labels) for row in rows]


def method_name(options: Mapping[str, Any]) -> str:
    """What a run trains: "CUT", "CUT monce", "CUT hdce + SRC", "CUT qs_global", "FastCUT focal γ2 α0.25"."""
    method = MODELS[options["model"]]
    chosen = [component for registry in _IN_NAMES if (component := registry.get(str(options.get(registry.option))))]
    words = [method.title(options) if method.title else method_label(options)]
    words += [component.title(options) if component.title else component.name for component in chosen]
    return " ".join(filter(None, words)) + (" + SRC" if options.get("lambda_SRC") else "")


def _in_name(model: str) -> set[str]:
    """The options that `method_name` tells apart."""
    choices = {registry.option for registry in _IN_NAMES}
    titled = (entry.titled for entry in (MODELS[model], *(one for registry in _IN_NAMES for one in registry.entries())))
    return choices.union(*titled)


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


def _plain(cell: str) -> str:
    """A text that stays in its cell of a Markdown table."""
    return printable(cell).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


# ------------------------------------------------------------------ the cells


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from the defaults of the run's model and preset, in the order of `--help`."""
    choice = {name: options[name] for name in ("model", MODELS[options["model"]].preset_option) if name in options}
    defaults = merge("train", [Layer(choice)]).values
    left_out = _NOT_THE_METHOD | _in_name(options["model"])
    return {
        name: options[name]
        for name in catalogue(options["model"])
        if name in options and name not in left_out and options[name] != defaults[name]
    }


def _common(rows: Sequence[Row]) -> dict[str, Any]:
    """The settings that all rows share."""
    return {item[0]: item[1] for item in rows[0].settings.items() if all(item in row.settings.items() for row in rows)}


def _with_name(row: Row, rows: Sequence[Row], rows_with: Mapping[str, int]) -> Row:
    """See `Row`. `rows_with` counts the rows with a label; until now the row's name is what was trained."""
    common, alike = _common(rows), _common([other for other in rows if other.name == row.name])
    differing = {name: value for name, value in row.settings.items() if name not in common}
    own = {name: value for name, value in differing.items() if name not in alike}
    named = ", ".join([row.name, *(f"{name} {shown(value)}" for name, value in own.items())])
    if len(row.labels) == 1:
        (label,) = row.labels
        if rows_with[label] == 1 and label not in ("", "experiment_name"):  # the latter is the default
            named, own = label, {}
    return replace(row, name=named, unnamed={name: value for name, value in differing.items() if name not in own})


def _named(row: Row) -> dict[str, Cell]:
    return {"method": Cell(row.name), "runs": Cell(", ".join(run.folder.name for run in row.runs))}


def _settings_cell(row: Row) -> dict[str, Cell]:
    settings = ", ".join(f"{name} {shown(value)}" for name, value in row.unnamed.items())
    return {"settings": Cell(settings or ABSENT)}


def _chosen(rows: Sequence[Row], measures: Sequence[Column]) -> list[str]:
    """The headings of what most readers look for: the first distance, the measures that decide, speed and memory."""
    deciding = {run.options["best_metric"] for row in rows for run in row.runs}
    distances = [measure for measure in measures if not measure.higher_is_better]
    first = [measure for measure in measures if measure in distances[:1] or measure.name in deciding]
    return [*map(_best_heading, first), "s/iteration", "memory", "epochs"]


def _best_heading(measure: Column) -> str:
    return f"{measure.label} at best" if measure.higher_is_better else f"best {measure.label}"


def _cells(runs: Sequence[LoggedRun], measures: Sequence[Column], unaveraged: Sequence[Column]) -> dict[str, Cell]:
    """Everything of a row but its name, by heading."""
    first = runs[0]
    done = Cell(str(first.planned)) if first.finished else Cell(f"{first.epochs} of {first.planned}", "unfinished")
    cells = {"seeds": Cell(", ".join(str(run.options["seed"]) for run in runs)), "epochs": done}
    for measure in measures:
        cells[_best_heading(measure)] = _measured(measure, [run.best(measure) for run in runs])
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
