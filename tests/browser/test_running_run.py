"""The web page of a run that goes on while the page is open, on a server of scripts/serve.py."""

import re
import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.runs import HeldRun, save_images

STEPS = 12  # of the run in all: three epochs of four images
ASKED = 61_000  # milliseconds, after which the page has asked for news, however seldom it does
# Names that would be markup or a script, had nobody taken care.
RUN = "<img src=x onerror=alert(1)>&amp;'\""
LABEL = "</script></title><script>alert(2)</script>"
IMAGES = ('"><img src=x onerror=alert(3)>', "'-alert(4)-'", "a&lt;b#c?d%41")


@pytest.fixture
def run(chromium, tmp_path):
    run = HeldRun.start(tmp_path / RUN, easy_label=LABEL, n_epochs=2, dataroot=save_images(tmp_path / "<b>", IMAGES))
    yield run
    run.stop()


def assert_seen(page: Page, images: int) -> None:
    """The page is where the run is, and has a point of a curve for each step."""
    expect(page.locator("#facts")).to_contain_text(f"{images} of {STEPS}")
    drawn = page.get_by_label("G_GAN", exact=True).locator("path.line").get_attribute("d")
    assert drawn.count("M") + drawn.count("L") == images


def assert_literal(page: Page) -> None:
    """Names are shown letter by letter, and all pictures are there."""
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{LABEL} ({RUN})")
    assert f"{LABEL} ({RUN})" in page.title()
    texts = page.locator("#film .shot img.translation").evaluate_all("all => all.map(one => one.alt)")
    assert texts == [f"translation of {name}.png" for name in sorted(IMAGES)]
    page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth)")


def test_the_page_follows_a_run_of_any_name_and_rests_at_its_end(visit, serve, run, tmp_path):
    home = serve(run.folder.parent)
    run.steps(2)
    page = visit(f"http://{home}/", home=home)
    page.get_by_role("link", name=RUN, exact=True).click()
    page.wait_for_url("**/web/index.html")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#state")).to_have_text("training")
    assert_seen(page, 2)
    assert_literal(page)
    frame = page.locator("#film .shot img.translation").first
    expect(frame).to_have_attribute("src", "../previews/000000002.png")
    page.screenshot(path=tmp_path / "training.png", full_page=True)

    run.steps(3)
    page.clock.fast_forward(ASKED)
    assert_seen(page, 5)
    assert_literal(page)
    expect(page.locator("#state")).to_have_text("training")
    expect(frame).to_have_attribute("src", "../previews/000000004.png")
    expect(page.locator("#batch")).to_contain_text("epoch 2")

    run.finish()
    page.clock.fast_forward(ASKED)
    assert_seen(page, STEPS)
    assert_literal(page)
    expect(page.locator("#state")).to_have_text("finished")
    assert page.evaluate("window.sameDocument"), "the page was loaded anew"

    before = len(asked)
    page.clock.run_for(5 * ASKED)
    page.evaluate("fetch('data.js?mine').then(answer => answer.text())")  # what the page asked for came before this
    assert [address.rsplit("/", 1)[-1] for address in asked[before:]] == ["data.js?mine"]


# ---------------------------------------------------------------------- a copy that says it is still training


def edit(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text(encoding="utf-8"))
    assert count == 1
    file.write_text(text, encoding="utf-8")


def rename_start(web: Path, start: str) -> None:
    """What another start of the run would do to its page."""
    edit(web / "data.js", r'"page":[\d.]+', f'"page":{start}')
    edit(web / "index.html", r'data-page="[\d.]+"', f'data-page="{start}"')


@pytest.fixture
def killed_run(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "killed")
    edit(run / "web/data.js", '"state":"finished"', '"state":"training"')
    edit(run / "web/data.js", r'"updated":[\d.]+', f'"updated":{time.time():.1f}')  # it may be minutes old
    return run


def test_the_page_of_a_killed_run_says_that_there_is_no_news(visit, killed_run):
    page = visit((killed_run / "web/index.html").as_uri())
    expect(page.locator("#state")).to_have_text("training")
    page.clock.run_for(400_000)
    expect(page.locator("#state")).to_contain_text("no news for")


@pytest.mark.parametrize("start", ["1795340210.0", "1795340210.5"])  # the former is another text in JavaScript
def test_the_page_of_another_start_is_loaded_once(visit, killed_run, start):
    page = visit((killed_run / "web/index.html").as_uri())
    rename_start(killed_run / "web", start)
    with page.expect_event("load"):
        page.clock.fast_forward(ASKED)
    page.evaluate("window.sameDocument = true")
    for _ in range(2):
        with page.expect_request(re.compile("data.js")):
            page.clock.fast_forward(ASKED)
    expect(page.locator("#state")).to_have_text("training")
    assert page.evaluate("window.sameDocument"), "the page was loaded anew"


def test_the_page_takes_up_again_when_its_server_is_back(visit, killed_run):
    page = visit((killed_run / "web/index.html").as_uri(), expected=("data.js", "ERR_FILE_NOT_FOUND"))
    away = (killed_run / "web/data.js").rename(killed_run / "web/data.away")
    page.clock.fast_forward(ASKED)
    expect(page.locator("#updated")).to_contain_text("cannot be reached")
    away.rename(killed_run / "web/data.js")
    page.clock.fast_forward(ASKED)
    expect(page.locator("#updated")).to_contain_text("updated")
