"""visdom's own page, on a server of scripts/monitor.py, while a real training process draws on it."""

import re
import socket
import subprocess
import sys

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import skip
from tests.browser.runs import MEASURED, HeldRun
from tests.training.tiny_runs import ENVIRONMENT, ROOT

EPOCHS, STEPS = 3, 12
LOSSES = ("G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y")
RATES = ("learning rate", "images per second")
MEASURES = ("FD (EfficientNet-Lite0)", "KD (EfficientNet-Lite0)", "PSNR", "SSIM")


@pytest.fixture
def port(chromium, tmp_path):
    """Where a server listens whose page has all its scripts; the first start fetches them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "scripts/monitor.py", "--port", str(port), "--env_path", str(tmp_path / "saved")]
    with (tmp_path / "errors.txt").open("w") as errors:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=ENVIRONMENT, cwd=ROOT)
    try:
        said = []
        for line in server.stdout:
            said.append(line)
            if "visdom is at" in line:
                break
        else:
            pytest.fail("".join(said) + (tmp_path / "errors.txt").read_text())
        if lacking := [line.strip() for line in said if "page lacks" in line]:
            skip(lacking[0].split(": ")[0])
        yield port
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.fixture
def run(port, images, tmp_path):
    run = HeldRun.start(tmp_path / "seen", dataroot=images, display_port=port, display_id=None, **MEASURED)
    yield run
    run.stop()


def window(page: Page, title: str) -> Locator:
    """The window whose bar says `title`, alone or with the best in brackets."""
    bar = page.locator(".bar").filter(has_text=re.compile(rf"{re.escape(title)}( \(best .*\))?\s*$"))
    return page.locator(".window").filter(has=bar)


def wait_for_losses(page: Page, count: int) -> None:
    """Until every loss has a curve of so many finite points, in whichever of the windows of losses it is."""
    page.wait_for_function(
        """([names, count]) => {
            const curves = [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => plot.data ?? []);
            const losses = curves.filter(curve => names.includes(curve.name));
            return losses.length === names.length &&
                losses.every(curve => curve.x.length === count && Array.from(curve.y).every(Number.isFinite));
        }""",
        arg=[list(LOSSES), count],
    )


def wait_for_points(page: Page, title: str, count: int) -> None:
    """Until the plot in a window has so many points in its curve."""
    plot = window(page, title).locator(".js-plotly-plot")
    plot.wait_for()
    page.wait_for_function("([plot, count]) => plot.data.every(one => one.x.length === count)",
                           arg=[plot.element_handle(), count])  # fmt: skip
    shown = plot.evaluate("one => one.data.map(curve => [curve.name, curve.y.every(Number.isFinite)])")
    assert shown == [[title, True]]


def test_the_plots_of_a_run_are_on_the_page_and_grow(visit, run, port, tmp_path):
    home = f"localhost:{port}"
    run.steps(2)
    page = visit(f"http://{home}/env/seen", home=home)
    wait_for_losses(page, 2)
    run.finish()
    wait_for_losses(page, STEPS)
    for title in RATES:
        wait_for_points(page, title, STEPS)
    for title in MEASURES:
        wait_for_points(page, title, EPOCHS)
    expect(window(page, "options").locator("pre")).to_contain_text("display_winsize: 96")
    pictures = window(page, "images").locator("img")
    assert pictures.evaluate_all("all => all.map(one => one.complete && one.naturalWidth > 0)") == [True]
    page.screenshot(path=tmp_path / "visdom.png", full_page=True)
