"""The table of runs as a web page: the columns that most readers look for, and below them all, unfolded by a click."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dominate import document, tags

from cut.html import embedded, page, shown
from cut.monitoring.reports.table import Cell, Report

STYLE = """
h1 { margin-bottom: .8rem; }
td, th { white-space: nowrap; padding-right: 1.1rem; }
thead th { white-space: normal; vertical-align: bottom; }
tbody th { position: sticky; left: 0; min-width: 8.5rem; max-width: 18rem; white-space: normal; overflow-wrap: anywhere;
           padding-right: .8rem; background: var(--card); }
th small, td small { display: block; font-weight: 400; color: var(--muted); }
td.long { min-width: 18rem; white-space: normal; }
details { margin: 0 0 1rem; }
summary { margin-bottom: .6rem; color: var(--accent); cursor: pointer; }
@media (max-width: 600px) { td, th { padding-right: .6rem; font-size: .85rem; } tbody th { min-width: 7.5rem; } }
"""
"""CSS that a report adds to the style of all pages: the name of a row stays when the table is scrolled."""

LONG = 40  # letters; longer cells are broken into lines


def as_page(report: Report, title: str = "Runs", pictures: Mapping[str, bytes] = MappingProxyType({})) -> document:
    """The report as a web page, with PNGs by their headings below the tables."""
    with page(title, style=STYLE) as content:
        _table(report, report.chosen)
        with tags.details():
            tags.summary("All columns")
            _table(report, report.columns[2:])
        with tags.details():
            tags.summary("What all rows share, and what the columns mean")
            with tags.dl(cls="details"):
                for name, value in report.facts.items():
                    tags.div(tags.dt(shown(name)), tags.dd(shown(value)))
            with tags.ul(cls="note"):
                for note in report.notes:
                    tags.li(shown(note))
        for heading, png in pictures.items():
            with tags.section(cls="card"):
                tags.h2(heading)
                embedded(png)
    return content


def _table(report: Report, headings: Sequence[str]) -> None:
    """These columns of every row, which is named by its method and its runs."""
    with tags.section(cls="card"), tags.div(cls="scroll"), tags.table():
        with tags.thead(), tags.tr():
            for heading in ("method", *headings):
                tags.th(shown(heading), scope="col")
        with tags.tbody():
            for row in report.rows:
                cells = dict(zip(report.columns, row, strict=True))
                method, runs = (cells[heading].value for heading in report.columns[:2])
                with tags.tr():
                    tags.th(shown(method), tags.small(shown(runs)), scope="row")
                    for heading in headings:
                        _cell(cells[heading])


def _cell(cell: Cell) -> None:
    remark = [tags.small(shown(cell.remark))] if cell.remark else []
    tags.td(shown(cell.value), *remark, cls="long" if len(cell.value) > LONG else "")
