"""The live page: what is on it, and that it stays cheap and true in long and in continued runs."""

import re

import numpy as np
import pytest
from PIL import Image

from cut.monitoring import web_page
from cut.monitoring.log_files import MetricsLog
from cut.monitoring.web_page import WebPage
from cut.training.listener import EpochEvent, RunFacts
from tests.monitoring.miniature import progress_at, step_event, train

OFTEN = ("--display_freq", "5", "--update_html_freq", "10")


def epochs_on(page) -> list[int]:
    return [int(number) for number in re.findall(r'id="epoch(\d+)"', page.read_text())]


def test_pictures_have_published_names_and_rounded_values(make_options):
    options = make_options(*OFTEN)
    train(WebPage(), options, range(1, 11))
    images = options.run.folder / "web" / "images"
    assert sorted(file.name for file in images.iterdir()) == ["epoch001_fake_B.png", "epoch001_real_A.png"]
    real = np.asarray(Image.open(images / "epoch001_real_A.png"))
    assert real.shape == (6, 8, 3) and np.all(real == 191)  # 0.5 is 191.25 of 255
    assert np.all(np.asarray(Image.open(images / "epoch001_fake_B.png")) == 0)


def test_newest_epoch_is_first_and_links_lead_to_files(make_options):
    options = make_options(*OFTEN)
    train(WebPage(), options, range(1, 31))
    page = options.run.folder / "web" / "index.html"
    assert epochs_on(page) == [3, 2, 1]
    sources = re.findall(r'src="([^"]+)"', page.read_text())
    assert len(sources) == 6 and all((page.parent / source).is_file() for source in sources)
    assert page.read_text().count('loading="lazy"') == 6
    assert not re.search(r'(src|href)="(https?:|/)', page.read_text())
    assert not list(page.parent.rglob("*.staged"))


def test_page_is_written_when_due_and_at_the_end_of_an_epoch(make_options):
    options = make_options("--display_freq", "4", "--update_html_freq", "6")
    page = options.run.folder / "web" / "index.html"
    listener = WebPage()
    listener.start(options, progress_at(0), RunFacts())
    assert epochs_on(page) == [] and "after 4 images" in page.read_text()
    written = []
    for images in range(1, 11):
        page.unlink(missing_ok=True)
        listener.after_step(step_event(images))
        written += [images] if page.exists() else []
    assert written == [4, 6]  # the first pictures of the epoch, then every sixth image
    listener.after_epoch(EpochEvent(progress_at(10), 5.0, 2e-4))  # the pictures of image 8 were not on a page yet
    assert page.exists()


def test_page_refreshes_itself_only_while_training(make_options):
    options = make_options(*OFTEN)
    listener = WebPage()
    train(listener, options, range(1, 11))
    page = options.run.folder / "web" / "index.html"
    assert 'http-equiv="refresh"' in page.read_text()
    listener.finish(progress_at(10))
    assert 'http-equiv="refresh"' not in page.read_text()


def test_title_is_the_easy_label_escaped(make_options):
    options = make_options(*OFTEN, "--easy_label", "Cats <b>&")
    train(WebPage(), options, range(0))
    page = options.run.folder / "web" / "index.html"
    assert "<h1>Cats &lt;b&gt;&amp; (run)</h1>" in page.read_text()
    train(WebPage(), make_options(*OFTEN), range(0))
    assert "<h1>run</h1>" in page.read_text()


def test_curves_are_drawn_from_the_metrics(make_options):
    options = make_options(*OFTEN, "--print_freq", "1")
    metrics, listener = MetricsLog(), WebPage()
    metrics.start(options, progress_at(0), RunFacts())
    listener.start(options, progress_at(0), RunFacts())
    for images in range(1, 11):
        metrics.after_step(step_event(images))
        listener.after_step(step_event(images))
    text = (options.run.folder / "web" / "index.html").read_text()
    assert text.count("<polyline") == 2 and "NCE" in text and "1.250" in text


def test_a_long_run_has_pages_and_rewrites_only_the_newest(make_options, monkeypatch):
    monkeypatch.setattr(web_page, "EPOCHS_PER_PAGE", 3)
    options = make_options("--display_freq", "10", "--update_html_freq", "10")
    listener = WebPage()
    train(listener, options, range(1, 71))
    web = options.run.folder / "web"
    assert epochs_on(web / "index.html") == [7, 6, 5]
    assert [epochs_on(web / f"epochs000{first}.html") for first in (1, 4, 7)] == [[3, 2, 1], [6, 5, 4], [7]]
    for page in web.glob("*.html"):
        assert all((web / link).exists() for link in re.findall(r'href="([^"]+)"', page.read_text()))
    for page in web.glob("*.html"):
        page.unlink()
    for images in range(71, 101):
        listener.after_step(step_event(images))
    assert sorted(page.name for page in web.glob("*.html")) == [
        "epochs0004.html", "epochs0007.html", "epochs0010.html", "index.html",
    ]  # fmt: skip


def test_a_continued_run_keeps_earlier_epochs_and_forgets_later_ones(make_options):
    options = make_options(*OFTEN)
    train(WebPage(), options, range(1, 41))
    train(WebPage(), options, range(0), resumed_at=25)
    page = options.run.folder / "web" / "index.html"
    assert epochs_on(page) == [3, 2, 1]
    labels = re.findall(r"<figcaption>(\w+)</figcaption>", page.read_text())
    assert labels == ["real_A", "fake_B"] * 3  # in display order, not in that of the alphabet


def test_a_fresh_start_shows_nothing_of_one_that_never_saved(make_options):
    options = make_options(*OFTEN)
    train(WebPage(), options, range(1, 31))
    train(WebPage(), options, range(1, 11))
    assert epochs_on(options.run.folder / "web" / "index.html") == [1]


@pytest.mark.parametrize("size", [(1, 1), (3, 40)])
def test_pictures_of_any_size_fit(make_options, size):
    options = make_options(*OFTEN)
    listener = WebPage()
    listener.start(options, progress_at(0), RunFacts())
    listener.after_step(step_event(5, size=size))
    assert f'height="{round(256 * size[0] / size[1])}"' in (options.run.folder / "web" / "index.html").read_text()
