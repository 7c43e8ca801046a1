"""The page of scripts/visualize.py --serve: clicks on the input or the translation choose the query points."""

import argparse
import io
import re
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from dominate import tags
from dominate.util import raw

from cut.data.images import to_image
from cut.errors import UserError
from cut.evaluation.figures.similarity import LearnedSimilarity, Point, check_points
from cut.evaluation.figures.similarity_picture import COLORS, Shown, draw_similarity
from cut.html import page
from scripts.serve import Pages, Server, bound_server, serve_pages

STYLE = """
.pick { display: flex; flex-wrap: wrap; gap: 1rem; }
.pick figure { position: relative; }
.pick img { width: min(420px, 90vw); image-rendering: pixelated; cursor: crosshair; }
.dot { position: absolute; width: 14px; height: 14px; margin: -7px 0 0 -7px; border: 2px solid #fff; border-radius: 50%;
       pointer-events: none; box-shadow: 0 0 2px #000; }
button { padding: .3rem .9rem; font: inherit; }
#maps { max-width: 100%; margin-top: 1rem; }
"""
SCRIPT = """
"use strict";
const images = [...document.querySelectorAll(".pick img")], maps = document.getElementById("maps");
const words = document.getElementById("words"), state = document.getElementById("state");
const colors = document.body.dataset.colors.split(" ");
let points = JSON.parse(document.body.dataset.points);
function draw() {
  document.querySelectorAll(".dot").forEach(dot => dot.remove());
  for (const image of images) points.forEach(([x, y], number) => {
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.background = colors[number % colors.length];
    dot.style.left = `${(x + .5) / image.naturalWidth * image.clientWidth}px`;
    dot.style.top = `${(y + .5) / image.naturalHeight * image.clientHeight}px`;
    image.parentElement.append(dot);
  });
  words.textContent = points.length ? "--points " + points.map(point => point.join(",")).join(" ") : "";
  maps.hidden = !points.length;
  state.textContent = points.length ? "Computing …" : "Click on a place of either picture.";
  if (points.length) maps.src = "maps.png?points=" + points.map(point => point.join(",")).join("+");
}
maps.addEventListener("load", () => { state.textContent = ""; });
maps.addEventListener("error", () => {
  state.textContent = "The maps could not be drawn; is the program still running?";
});
for (const image of images) {
  image.addEventListener("click", event => {
    if (points.length >= MOST) { state.textContent = "MOST points are enough: undo one."; return; }
    const place = (at, shown, all) => Math.min(all - 1, Math.max(0, Math.floor(at / shown * all)));
    points.push([place(event.offsetX, image.clientWidth, image.naturalWidth),
                 place(event.offsetY, image.clientHeight, image.naturalHeight)]);
    draw();
  });
}
document.getElementById("undo").addEventListener("click", () => { points.pop(); draw(); });
document.getElementById("clear").addEventListener("click", () => { points = []; draw(); });
window.addEventListener("resize", draw);
window.addEventListener("load", draw);
"""
MOST_POINTS = len(COLORS)


class View(Pages):
    """The page at /, the pictures input.png and translation.png, and maps.png?points=X,Y+X,Y."""

    def __init__(self, *details: object, content: "Content") -> None:
        self.content = content
        super().__init__(*details)

    def found(self):
        parts = urlsplit(self.path)
        if parts.path == "/":
            return self.sent(HTTPStatus.OK, "text/html", self.content.page())
        if parts.path in self.content.pictures:
            return self.sent_bytes(HTTPStatus.OK, "image/png", self.content.pictures[parts.path])
        if parts.path != "/maps.png":
            return self.send_error(HTTPStatus.NOT_FOUND)
        try:
            picture = self.content.maps(parse_qs(parts.query).get("points", [""])[0])
        except UserError as error:
            return self.sent(HTTPStatus.BAD_REQUEST, "text/plain", f"{error}\n")
        return self.sent_bytes(HTTPStatus.OK, "image/png", picture)


class Content:
    """What the page shows of one image.

    Args:
        points: those that are chosen at first.
    """

    def __init__(self, learned: LearnedSimilarity, image: Shown, points: Sequence[Point], title: str) -> None:
        self.learned, self.image, self.points, self.title = learned, image, points, title
        self.pictures = {"/input.png": as_png(image.source), "/translation.png": as_png(image.translation)}
        self._one_at_a_time = Lock()

    def page(self) -> str:
        with page(self.title, {"image": self.image.name}, STYLE) as content:
            with tags.section(cls="card"):
                with tags.div(cls="pick"):
                    for name in ("input", "translation"):
                        tags.figure(tags.img(src=f"{name}.png", alt=name), tags.figcaption(name))
                with tags.p():
                    tags.button("Undo", id="undo", type="button")
                    tags.button("Clear", id="clear", type="button")
                    tags.code(id="words")
                tags.p(id="state", cls="note", role="status")
                tags.img(id="maps", alt="similarity maps", hidden=True)
            tags.script(raw(SCRIPT.replace("MOST", str(MOST_POINTS))))
        content.body["data-points"] = str([list(point) for point in self.points])
        content.body["data-colors"] = " ".join(COLORS)
        return content.render()

    def maps(self, words: str) -> bytes:
        """The PNG of points as the page asks for them: "120,80 40,200".

        Raises:
            UserError: when they are no points, too many, or outside the image.
        """
        if not re.fullmatch(r"\d{1,5},\d{1,5}( \d{1,5},\d{1,5})*", words):
            raise UserError("points must be X,Y, separated by +.")
        points = [(int(x), int(y)) for x, y in (word.split(",") for word in words.split(" "))]
        if len(points) > MOST_POINTS:
            raise UserError(f"There are {len(points)} points, but at most {MOST_POINTS} are shown.")
        check_points(points, self.image.source.shape[2], self.image.source.shape[1])
        with self._one_at_a_time:
            return draw_similarity(self.learned, [self.image], points)


def as_png(image) -> bytes:
    """(C, H, W) in [−1, 1] as the bytes of a file."""
    stream = io.BytesIO()
    to_image(image).save(stream, "PNG")
    return stream.getvalue()


def make_view(content: Content, host: str, port: int) -> Server:
    """A server of the page; port 0 takes any that is free.

    Raises:
        UserError: when the address cannot be used.
    """
    return bound_server(partial(View, content=content), host, port)


def serve_view(learned: LearnedSimilarity, image: Shown, points: Sequence[Point], own: argparse.Namespace) -> None:
    """Print the address of the page and serve it until interrupted."""
    content = Content(learned, image, points, f"Learned similarity of {own.name}")
    serve_pages(make_view(content, own.host, own.port), "The page is")
