"""The page of a run as text and pictures; the scripts beside this file then keep it up to date and draw its curves."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from dominate import document, tags
from dominate.util import raw, text

from cut.html import page, shown
from cut.monitoring.lines import method_label
from cut.monitoring.previews import PreviewFiles
from cut.monitoring.web.page_data import preview_link
from cut.monitoring.web.picture_history import PictureHistory, show_pictures
from cut.options import Options
from cut.options.machinery.catalogue import catalogue
from cut.options.machinery.printing import defaults
from cut.training.listener import RunFacts

RESOURCES = files("cut.monitoring.web") / "page"
SCRIPTS = ("curves.js", "film.js", "page.js")
REFRESH_SECONDS = 60  # of a browser without scripts


def index_page(
    data: Mapping[str, Any], options: Options, about: str, previews: PreviewFiles, history: PictureHistory
) -> document:
    """The page of a run: `data` is what changes while it trains, the same as in `data.js`; `about` is what does not."""
    with page(data["title"], style=resource("page.css")) as content:
        _header(data)
        if data["film"]:
            _film(data["film"], previews)
        _measures(data)
        with tags.section(cls="card", id="losses", hidden=True):
            tags.h2("Losses, learning rate and speed")
            tags.div(cls="charts")
        _batch(data, options, history)
        raw(about)
        _messages(data["messages"])
        tags.script(src="data.js")
        for name in SCRIPTS:
            tags.script(raw(resource(name)))
    if data["state"] == "training":
        content.head.add(tags.noscript(tags.meta(http_equiv="refresh", content=str(REFRESH_SECONDS))))
    content.body["data-page"] = data["page"]
    return content


def resource(name: str) -> str:
    """A style or a script of the page."""
    return (RESOURCES / name).read_text(encoding="utf-8")


def _header(data: Mapping[str, Any]) -> None:
    with tags.header():
        with tags.p(cls="status"):
            tags.span(data["state"], id="state", data_state=data["state"])
            tags.span(f"updated {datetime.fromtimestamp(data['updated']):%Y-%m-%d %H:%M:%S}", id="updated")
        tags.progress(id="done", value=data["done"], max=1, aria_label="share of the run that is done")
        with tags.dl(cls="facts", id="facts"):
            for name, value in data["facts"]:
                tags.div(tags.dt(name), tags.dd(value))


def _film(data: Mapping[str, Any], previews: PreviewFiles) -> None:
    """The same images over time: the newest translations between sources and targets; a script shows earlier ones."""
    rows = [("source", preview_link("sources.png")), ("translation", data["files"][-1])]
    rows += [("real", preview_link("targets.png"))] if previews.has_targets else []
    cell_ratio = f"aspect-ratio: {previews.cell[0]} / {previews.cell[1]}"
    with tags.section(cls="card", id="film", data_rows=len(rows)):
        tags.h2("The same images over time")
        with tags.div(cls="player"):
            tags.button("▶", type="button", id="play", title="play", aria_label="play", hidden=True)
            count = len(data["files"])
            tags.input_(type="range", id="time", min=0, max=count - 1, value=count - 1, aria_label="time", hidden=True)
            tags.output(data["labels"][-1], id="moment")
        with tags.div(cls="shots"):
            for index, name in enumerate(previews.names):
                inside = f"width: {100 * len(previews.names)}%; margin-left: {-100 * index}%"
                with tags.figure(cls="shot", title=shown(name)):
                    for label, source in rows:
                        with tags.div(cls="frame"):
                            picture = tags.img(src=source, alt=shown(f"{label} of {name}"), style=inside, cls=label)
                            tags.div(picture, cls="cell", style=cell_ratio)
                            tags.span(label, cls="label")
        tags.div(cls="strip", hidden=True)


def _measures(data: Mapping[str, Any]) -> None:
    table = data["table"] or {"lines": [], "deciding": None, "notes": []}
    with tags.section(cls="card", id="measures", hidden=not table["lines"]):
        tags.h2("Measures on held-out images")
        with tags.div(cls="scroll"), tags.table(id="table"):
            for number, line in enumerate(table["lines"]):
                with tags.tr(cls="deciding" if number == table["deciding"] else ""):
                    for place, cell in enumerate(line):
                        (tags.td if number and place else tags.th)(shown(cell))
        tags.p(shown(" ".join(table["notes"])), cls="note", id="notes")
        tags.div(cls="charts")


def _batch(data: Mapping[str, Any], options: Options, history: PictureHistory) -> None:
    batch = data["batch"]
    with tags.section(cls="card", id="batch"):
        tags.h2(f"The current batch, epoch {batch['epoch']}" if batch else "The current batch")
        if history.newest:
            show_pictures(*history.newest, options.monitoring.display_winsize)
        else:
            every = options.monitoring.display_freq
            when = f"appear here after {every:,} images" if every else "are turned off (--display_freq 0)"
            tags.p(f"Pictures {when}.", cls="note")
        links = batch["pages"] if batch else []
        with tags.p("Pictures of each epoch: ", cls="note", id="history", hidden=not links):
            for label, file in links:
                tags.a(label, href=file)


def about_run(options: Options, facts: RunFacts) -> str:
    """The command, the networks and the options of a run: a part of its page that stays the same."""
    values, usual, known = options.flat(), defaults(options), catalogue(options.run.model)
    changed = [name for name in values if values[name] != usual[name]]
    with tags.section(cls="card", id="run") as section:
        tags.h2("The run")
        if facts.command:
            _command(facts.command)
        with tags.dl(cls="facts"):
            parameters = ", ".join(f"{name} {_count(number)}" for name, number in facts.parameters.items())
            known_facts = {"model": method_label(values), "device": facts.device, "parameters": parameters}
            known_facts |= {"seed": str(options.run.seed), "images": options.data.dataroot}
            for name, value in known_facts.items():
                if value:
                    tags.div(tags.dt(name), tags.dd(shown(value)))
        with tags.details():
            tags.summary(f"{len(values)} options, {len(changed)} of them not at their default")
            with tags.div(cls="scroll"), tags.table(cls="options"):
                heading = None
                for name, value in values.items():
                    if known[name].group != heading:
                        heading = known[name].group
                        tags.tr(tags.th(heading, colspan=3, cls="heading"))
                    note = f"default {_value(usual[name])}" if name in changed else ""
                    cells = [tags.td(name), tags.td(_value(value)), tags.td(note, cls="note")]
                    tags.tr(cells, cls="changed" if note else "")
    return section.render()


def _command(words: Sequence[str]) -> None:
    """The command line; an option and its values stay on one line where they fit."""
    parts = [["python"]]
    for word in words:
        if word.startswith("--"):
            parts.append([])
        parts[-1].append(word)
    with tags.pre(cls="command"), tags.code():
        for part in parts:
            if part is not parts[0]:
                text(" ")
            tags.span(shown(shlex.join(part)))


def _messages(messages: Sequence[str]) -> None:
    """A line of a message with a wide gap in it is a line of a table, whose columns must stay aligned."""
    with tags.section(cls="card", id="messages", hidden=not messages):
        tags.h2("Messages of the run")
        with tags.ul():
            for message in messages:
                with tags.li():
                    for line in message.split("\n"):
                        (tags.pre if "  " in line else tags.div)(shown(line))


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} million" if number >= 100_000 else f"{number:,}"


def _value(value: Any) -> str:
    return shown(value if isinstance(value, str) and value else json.dumps(value, default=str))
