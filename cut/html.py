"""The layout that all pages share: one self-contained file each, nothing from the network, light and dark themes."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from dominate import document, tags
from dominate.util import raw

STYLE = """
:root { color-scheme: light dark; --ground: #f7f7f4; --card: #ffffff; --ink: #1c2127; --muted: #667079;
        --line: #e2e2dc; --accent: #2a6fdb; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15181b; --card: #1f2327; --ink: #e8eaec; --muted: #98a1aa; --line: #33393f; --accent: #7fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1500px; padding: 1.5rem 2rem 3rem; background: var(--ground); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 0 0 .6rem; font-size: .95rem; font-weight: 600; overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.details { display: flex; flex-wrap: wrap; gap: .2rem 1.6rem; margin: .4rem 0 1.2rem; color: var(--muted); }
.details dt, .details dd { display: inline; margin: 0; overflow-wrap: anywhere; }
.details dd { margin-left: .4em; color: var(--ink); }
.pages { display: flex; flex-wrap: wrap; gap: .35rem; margin: 1.2rem 0; }
.pages a, .pages span { padding: .15rem .65rem; border: 1px solid var(--line); border-radius: 6px;
                        background: var(--card); font-variant-numeric: tabular-nums; }
.pages span { border-color: transparent; background: none; color: var(--muted); }
.pages span.here { border-color: var(--accent); color: var(--ink); font-weight: 600; }
.card { margin: 0 0 1rem; padding: .9rem 1.1rem 1.1rem; border: 1px solid var(--line); border-radius: 10px;
        background: var(--card); }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { flex: 1 1 9rem; margin: 0; max-width: max-content; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 4px; background: var(--line); }
figcaption { margin-top: .3rem; color: var(--muted); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem 1.4rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.note { color: var(--muted); }
@media (max-width: 600px) {
  body { padding: 1rem .8rem 2rem; } .card { padding: .8rem .8rem .9rem; } h1 { font-size: 1.3rem; }
  .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); gap: .5rem; } }
"""


def page(title: str, details: Mapping[str, str] | None = None, style: str = "") -> document:
    """An empty page with a heading; fill it with `with page(...) as content:`.

    Args:
        title: plain text; markup in it is escaped, as in every text here.
        details: facts below the heading, by name.
        style: CSS of this page's own.
    """
    title = shown(title)
    result = document(title=title)
    result.set_attribute("lang", "en")
    with result.head:
        tags.meta(charset="utf-8")
        tags.meta(name="viewport", content="width=device-width, initial-scale=1")
        tags.link(rel="icon", href="data:,")  # or browsers ask a server for /favicon.ico, and log that it is missing
        tags.style(raw(STYLE + style))
    with result:
        tags.h1(title)
        if details:
            with tags.dl(cls="details"):
                for name, value in details.items():
                    tags.div(tags.dt(shown(name)), tags.dd(shown(value)))
    return result


def address(relative: str | Path) -> str:
    """The link to a file beside the page: spaces, #, %, ? and letters beyond ASCII are quoted, the slashes stay.

    A name that is not valid UTF-8 keeps its bytes, so that its link works too.
    """
    text = relative.as_posix() if isinstance(relative, Path) else relative
    quoted = quote(text, safe="/", errors="surrogateescape")
    return f"./{quoted}" if ":" in text.split("/")[0] else quoted  # "a:b.png" would be read as the scheme "a"


def shown(text: str) -> str:
    """`text` with what UTF-8 cannot hold (bytes of a broken file name) replaced, so that the page can be written."""
    return text.encode("utf-8", "replace").decode("utf-8")


def figure(relative: str | Path, caption: str, size: tuple[int, int] | None = None, width: int = 256) -> tags.figure:
    """A picture `width` pixels wide that links to its file and is loaded only when scrolled to.

    Args:
        relative: the file, relative to the page.
        size: its (width, height) in pixels, so that the page keeps its place before it is loaded.
    """
    link = address(relative)
    picture = tags.img(src=link, alt=shown(caption), loading="lazy", decoding="async", width=width)
    if size is not None:
        picture["height"] = max(1, round(width * size[1] / size[0]))
    return tags.figure(tags.a(picture, href=link), tags.figcaption(shown(caption)))


def data_url(png: bytes) -> str:
    """The address of a picture that is in the page itself."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def embedded(png: bytes, caption: str = "", width: int | None = None) -> tags.figure:
    """A picture that is in the page itself, `width` pixels wide, or as wide as it is."""
    picture = tags.img(src=data_url(png), alt=shown(caption))
    if width is not None:
        picture["width"] = width
    return tags.figure(picture, tags.figcaption(shown(caption))) if caption else tags.figure(picture)


def page_name(number: int) -> str:
    """The file of page `number`, counted from 1: index.html, page2.html, page3.html, …"""
    return "index.html" if number == 1 else f"page{number}.html"


def page_links(
    pages: Sequence[tuple[str, str]], current: int, back: str = "previous", onward: str = "next"
) -> tags.nav:
    """Links to the neighbours of a page, and to the first, the last and those around it by label.

    Args:
        pages: (label, file beside the page) of each.
        current: index in `pages` of the page that carries the links.
        back, onward: the words for one page back and one on.
    """
    near = {0, len(pages) - 1, *range(max(0, current - 3), min(len(pages), current + 4))}
    with tags.nav(cls="pages") as result:
        if current > 0:
            tags.a(f"‹ {back}", href=address(pages[current - 1][1]), rel="prev")
        before = -1
        for index in sorted(near):
            if index > before + 1:
                tags.span("…")
            label, file = pages[index]
            if index == current:
                tags.span(label, cls="here")
            else:
                tags.a(label, href=address(file))
            before = index
        if current < len(pages) - 1:
            tags.a(f"{onward} ›", href=address(pages[current + 1][1]), rel="next")
    return result
