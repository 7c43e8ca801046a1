"""What the visdom windows of a run show, drawn on a `VisdomServer`."""

import html
import re
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cut.monitoring.lines import run_title
from cut.monitoring.pictures import grid
from cut.monitoring.series import Point, as_curves
from cut.monitoring.visdom.server import VisdomServer
from cut.options import Options, as_train_opt
from cut.training.listener import RunFacts

CAPTION = 20  # pixels in height
CURVES_SIZE, TEXT_SIZE = (460, 320), (640, 480)  # (width, height) of windows, in pixels
FEW = 50  # points; curves with at most this many get markers, since a line through one point is invisible


def draw_curves(
    server: VisdomServer, window: str, title: str, points: Sequence[Point], heading: str, said: str = ""
) -> None:
    """A window with a curve over epochs for each name in `points`; `said` is appended to its titles."""
    epochs, curves = as_curves(points)
    server.lines(window, title + said, epochs, curves, heading + said, CURVES_SIZE, markers=len(points) < FEW)


def of_like_scale(points: Sequence[Point]) -> list[list[str]]:
    """The names in groups whose curves can share an axis: within one, no curve is typically ten times as large as
    another. The smallest come first; those that are always 0 are among them."""
    _, curves = as_curves(points)
    sizes = {name: float(np.nanmedian(np.abs(values))) for name, values in curves.items()}
    groups: list[list[str]] = []
    smallest = 0.0
    for name in sorted(sizes, key=lambda name: sizes[name]):
        if not groups or sizes[name] > 10 * smallest > 0:
            groups.append([])
            smallest = 0.0
        smallest = smallest or sizes[name]
        groups[-1].append(name)
    return [[name for name in curves if name in group] for group in groups]  # in logging order


def draw_picture(server: VisdomServer, window: str, title: str, picture: np.ndarray, width: int) -> None:
    """A window with one picture, uint8 (H, W, 3), at most `width` pixels wide."""
    shown = _fitted(picture, width)
    server.image(window, title, shown, shown.shape[1])


def draw_grid(
    server: VisdomServer, window: str, title: str, pictures: Mapping[str, np.ndarray], columns: int, width: int
) -> None:
    """A window with all pictures, uint8 (H, W, 3) of any sizes, each below its name and at most `width` pixels wide."""
    fitted = {name: _fitted(picture, width) for name, picture in pictures.items()}
    cell = (width, max(picture.shape[0] for picture in fitted.values()))
    table = grid([_captioned(picture, name, cell) for name, picture in fitted.items()], columns)
    server.image(window, title, table, table.shape[1])


def draw_text(server: VisdomServer, window: str, title: str, content: str) -> None:
    """A window with HTML."""
    server.text(window, title, content, TEXT_SIZE)


def options_as_html(options: Options, facts: RunFacts) -> str:
    """The command, the machine, the networks and every option, with what differs from its default."""
    facts_known = {
        "command": " ".join(facts.command),
        "device": facts.device,
        "parameters": ", ".join(f"{name} {count:,}" for name, count in facts.parameters.items()),
        "folder": str(options.run.folder),
    }
    lines = "\n".join(f"{name:>25}: {value}" for name, value in facts_known.items() if value)
    listed = re.sub(" *\t", "  ", as_train_opt(options))  # its columns are wider than a window
    text = f"{lines}\n{listed}"
    return f"<h4>{html.escape(run_title(options))}</h4><pre style='white-space: pre-wrap'>{html.escape(text)}</pre>"


def _fitted(picture: np.ndarray, width: int) -> np.ndarray:
    """The picture `width` pixels wide; narrower where it would get taller than twice that."""
    height_now, width_now = picture.shape[:2]
    scale = min(width / width_now, 2 * width / height_now)
    size = (max(1, round(width_now * scale)), max(1, round(height_now * scale)))
    if size == (width_now, height_now):
        return picture
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST  # enlarged pixels stay visible
    return np.asarray(Image.fromarray(picture).resize(size, method))


def _captioned(picture: np.ndarray, name: str, cell: tuple[int, int]) -> np.ndarray:
    """The picture in a `cell` (width, height) of pixels, below its name."""
    canvas = Image.new("RGB", (cell[0], cell[1] + CAPTION), "white")
    middle = (cell[0] / 2, CAPTION / 2)
    ImageDraw.Draw(canvas).text(middle, name, fill="black", anchor="mm", font=ImageFont.load_default(13))
    canvas.paste(Image.fromarray(picture), ((cell[0] - picture.shape[1]) // 2, CAPTION))
    return np.asarray(canvas)
