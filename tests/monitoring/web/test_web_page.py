"""The live page: what is on it, when it is written, and that it stays cheap, safe and true."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from cut.errors import UserError
from cut.monitoring.log_files import MetricsLog
from cut.monitoring.previews import PreviewFiles
from cut.monitoring.web.page_data import read_script
from cut.monitoring.web.web_page import WebPage
from cut.training.evaluation import Evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, RunFacts
from tests.monitoring.clock import Clock
from tests.monitoring.miniature import LAST_EPOCH, Recorded, preview_event, progress_at, step_event, train

OFTEN = ("--display_freq", "5", "--update_html_freq", "10", "--print_freq", "1")
EVIL = "<script>alert(1)</script>"


def page_of(options) -> Path:
    return options.run.folder / "web" / "index.html"


def data_of(options) -> dict:
    return read_script(options.run.folder / "web" / "data.js")


def listener(clock=None, **more) -> Recorded:
    """A page that may always write unless a clock says otherwise: no time passes while it does."""
    clock = clock or Clock()
    return Recorded(lambda record: WebPage(record, PreviewFiles(), clock=clock, **more), clock)


def measured(epoch, fid=50.0) -> Evaluation:
    return Evaluation(epoch, epoch * 10, epoch * 10, {"frechet": fid, "psnr": 17.0}, details={"extractor": EVIL})


def links(page: Path) -> list[str]:
    return re.findall(r'(?:href|src)="(?!data:)([^"]+)"', page.read_text())


def test_every_link_is_relative_and_leads_to_a_file(make_options):
    options = make_options(*OFTEN)
    train(listener(), options, range(1, 31))
    for page in page_of(options).parent.glob("*.html"):
        assert links(page) and all((page.parent / link).is_file() for link in links(page))
    assert not list(options.run.folder.rglob("*.staged"))
    assert not re.search(r'(src|href|url\()["\']?(https?:|//|/)', page_of(options).read_text())


def test_it_says_where_the_run_stands(make_options):
    options = make_options(*OFTEN)
    page = listener()
    command = ("train.py", "--name", "a b", EVIL)
    page.start(options, progress_at(0), RunFacts(command, "TPU <9>", {"G": 11_400_000, "D": 2_760}))
    text = page_of(options).read_text()
    option = "<span>--name &#x27;a b&#x27; &#x27;&lt;script&gt;alert(1)&lt;/script&gt;&#x27;</span>"
    assert f"<span>python train.py</span> {option}" in text.replace("'", "&#x27;")
    assert "TPU &lt;9&gt;" in text and "G 11.40 million, D 2,760" in text and "display_freq" in text
    assert "appear here after 5 images" in text
    for images in range(1, 13):
        page.after_step(step_event(images))
    facts = dict(data_of(options)["facts"])
    assert facts["epoch"] == f"1 of {LAST_EPOCH}" and facts["images seen"] == f"10 of {LAST_EPOCH * 10:,}"
    assert data_of(options)["state"] == "training" and data_of(options)["done"] == 0.0025
    page.finish(progress_at(12))
    assert data_of(options)["state"] == "stopped"
    page.finish(replace(progress_at(10 * LAST_EPOCH), epoch=LAST_EPOCH + 1, epoch_images=0))
    assert data_of(options)["state"] == "finished" and data_of(options)["done"] == 1


def test_it_renews_itself_while_training_and_no_longer(make_options):
    options = make_options(*OFTEN)
    page = listener()
    train(page, options, range(1, 11))
    assert '<noscript>\n      <meta content="60" http-equiv="refresh">' in page_of(options).read_text()
    page.finish(progress_at(10))
    assert "http-equiv" not in page_of(options).read_text()


def test_it_is_written_when_due_and_at_the_end_of_an_epoch(make_options):
    options = make_options("--display_freq", "4", "--update_html_freq", "6")
    page, file = listener(), page_of(options)
    page.start(options, progress_at(0), RunFacts())
    written = []
    for images in range(1, 11):
        file.unlink(missing_ok=True)
        page.after_step(step_event(images))
        written += [images] if file.exists() else []
    assert written == [4, 6]  # the first pictures of the epoch, then every sixth image
    page.after_epoch(EpochEvent(progress_at(10), 5.0, 2e-4, 3 * 2**30))
    assert ["memory", "3.0 GiB at most"] in data_of(options)["facts"]


def test_writing_takes_at_most_a_hundredth_of_the_time(make_options):
    """A clock that only writing moves: each takes a second, so the next has to wait for ninety-nine more."""
    options = make_options("--display_freq", "0", "--update_html_freq", "1")
    clock = Clock()
    page, writes = listener(clock), []
    write = page.view._write

    def slow_write(*state):
        write(*state)
        writes.append(clock.now)
        clock.now += 1.0
        page.view.spent += 1.0

    page.view._write = slow_write
    page.start(options, progress_at(0), RunFacts())
    for images in range(1, 1001):
        clock.now += 0.5
        page.after_step(step_event(images))
    assert len(writes) == 1 + 500 // 99
    assert page.spent <= 0.01 * clock.now + 1.0
    page.finish(progress_at(1000))
    assert data_of(options)["facts"][1][1].startswith("1,000 of")  # the end is always written


def test_curves_grow_with_the_steps_and_a_continued_run_goes_on_with_them(make_options):
    options = make_options(*OFTEN)
    metrics, page = MetricsLog(), listener()
    for one in (metrics, page):
        train(one, options, range(1, 21))
    drawn = data_of(options)
    assert drawn["losses"]["x"] == pytest.approx([images / 10 for images in range(1, 21)])
    assert drawn["losses"]["y"]["NCE"] == pytest.approx([images / 8 for images in range(1, 21)])
    assert drawn["speed"]["y"]["learning rate"] == [2e-4] * 20
    assert drawn["speed"]["y"]["images per second"] == [1.6] * 20

    metrics.start(options, progress_at(15), RunFacts())
    again = listener()
    train(again, options, range(16, 21), resumed_at=15)
    assert data_of(options)["losses"] == drawn["losses"] and data_of(options)["speed"] == drawn["speed"]
    train(listener(), options, range(0))
    assert data_of(options)["losses"] == {"x": [], "y": {}}  # a fresh start


def test_measures_are_a_table_and_curves(make_options):
    options = make_options(*OFTEN)
    page, first = listener(), measured(1)
    page.start(options, progress_at(10), RunFacts(evaluations=(first,), best_metric="frechet"))
    assert data_of(options)["table"]["lines"][0] == ["", "last and best: epoch 1"]
    second = measured(2, fid=60.0)
    page.after_evaluation(EvaluationEvent(progress_at(20), second, first, "frechet"))
    data, text = data_of(options), page_of(options).read_text()
    assert data["measures"] == {"x": [1, 2], "y": {f"FD ({EVIL})": [50, 60], "PSNR": [17, 17]}}
    assert data["best"] == {"label": f"FD ({EVIL})", "epoch": 1, "value": 50}
    assert text.count('<tr class="deciding">') == 1
    assert "best: epoch 1" in text and "60.00" in text and EVIL not in text


def test_previews_are_on_the_page_in_time_order(make_options):
    options = make_options(*OFTEN, "--evaluation_freq", "10")
    previews = PreviewFiles()
    page = Recorded(lambda record: WebPage(record, previews, clock=Clock()), Clock())
    names = ("a.png", f"{EVIL}.png")
    for one in (previews, page):
        one.start(options, progress_at(0), RunFacts())
    assert data_of(options)["film"] is None
    for images in range(31):
        if images in (0, 10, 20):
            for one in (previews, page):
                one.after_preview(preview_event(images, names, size=(10, 10)))
        if images == 0:
            first = {"files": ["../previews/000000000.png"], "labels": ["before training"]}
            assert data_of(options)["film"] == first, "it is shown before the first step"
        else:
            page.after_step(step_event(images))
    assert data_of(options)["film"]["labels"] == ["before training", "epoch 1", "epoch 2"]  # none was made after that
    text = page_of(options).read_text()
    assert text.count('src="../previews/000000020.png"') == 2 == text.count('src="../previews/sources.png"')
    assert "width: 200%; margin-left: -100%" in text and "aspect-ratio: 10 / 10" in text and EVIL not in text


def test_a_continued_run_keeps_the_order_of_its_pictures(make_options):
    options = make_options(*OFTEN)
    train(listener(), options, range(1, 11))
    assert [picture["label"] for picture in data_of(options)["batch"]["pictures"]] == ["real_A", "fake_B"]
    train(listener(), options, range(0), resumed_at=10)
    assert [picture["label"] for picture in data_of(options)["batch"]["pictures"]] == ["real_A", "fake_B"]


def test_the_page_costs_the_same_after_many_epochs(make_options):
    """Bytes instead of seconds: what is rendered and written is what costs."""
    options = make_options("--display_freq", "10", "--update_html_freq", "10", "--print_freq", "1")
    sizes = {}
    page = listener()
    page.start(options, progress_at(0), RunFacts(best_metric="frechet"))
    for images in range(1, 10_001):
        page.after_step(step_event(images))
        if images % 10 == 0:
            page.after_evaluation(EvaluationEvent(progress_at(images), measured(images // 10), measured(1), "frechet"))
        if images in (2_000, 10_000):
            sizes[images] = [(options.run.folder / "web" / name).stat().st_size for name in ("index.html", "data.js")]
    assert sizes[10_000] == pytest.approx(sizes[2_000], rel=0.3)


@pytest.mark.parametrize("size", [(1, 1), (3, 40)])
def test_pictures_of_any_size_fit(make_options, size):
    options = make_options(*OFTEN)
    page = listener()
    page.start(options, progress_at(0), RunFacts())
    page.after_step(step_event(5, size=size))
    assert f'height="{round(256 * size[0] / size[1])}"' in page_of(options).read_text()
    assert data_of(options)["batch"]["pictures"][0] == {
        "label": "real_A", "file": "images/epoch001_real_A.png", "width": size[1], "height": size[0],
    }  # fmt: skip


def test_a_picture_that_is_not_finite_is_said_once_and_shown(make_options):
    options, said = make_options(*OFTEN), []
    page = listener(say=said.append)
    page.start(options, progress_at(0), RunFacts())
    assert said.pop() == f"Watch it: {page_of(options)}"
    broken = torch.zeros(1, 3, 4, 4)
    broken[0, 1, 2, 3] = float("nan")
    for images in (5, 10):
        page.after_step(replace(step_event(images), images=lambda: {"fake_B": broken}))
    assert len(said) == 1 and "fake_B after 5 images" in said[0]
    shown = Image.open(options.run.folder / "web/images/epoch001_fake_B.png")
    assert shown.getpixel((3, 2)) == (255, 0, 255) and shown.getpixel((0, 0)) == (128, 128, 128)


def test_a_folder_that_cannot_be_written_is_one_sentence(make_options):
    options = make_options(*OFTEN)
    options.run.folder.mkdir(parents=True)
    (options.run.folder / "web").write_text("in the way")
    with pytest.raises(UserError, match=r"web\S* cannot be written \(.+\); check the folder and its permissions\.$"):
        listener().start(options, progress_at(0), RunFacts())


def test_names_and_messages_are_shown_and_not_obeyed(make_options):
    options = make_options(*OFTEN, "--easy_label", EVIL, "--dataroot", EVIL)
    page = listener()
    page.start(options, progress_at(0), RunFacts(device=EVIL, parameters={EVIL: 3}))
    page.message(EVIL)
    page.after_step(replace(step_event(10, losses={EVIL: 1.0}), images=lambda: {EVIL: torch.zeros(1, 3, 4, 4)}))
    for file in page_of(options).parent.iterdir():
        assert file.is_dir() or "<script>alert" not in file.read_text()
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt; (run)</h1>" in page_of(options).read_text()
    assert data_of(options)["messages"] == [EVIL] and EVIL in data_of(options)["losses"]["y"]


def test_the_columns_of_a_message_stay_below_each_other(make_options):
    options = make_options(*OFTEN)
    page = listener()
    page.start(options, progress_at(0), RunFacts())
    page.message("        FID\nlast  12.5\nThe best & last.")
    page.finish(progress_at(0))
    text = page_of(options).read_text()
    assert "<pre>        FID</pre>" in text and "<pre>last  12.5</pre>" in text
    assert "<div>The best &amp; last.</div>" in text


def test_options_that_differ_from_the_default_stand_out(make_options):
    options = make_options("--lr", "0.001")
    page = listener()
    page.start(options, progress_at(0), RunFacts())
    changed = re.findall(r'<tr class="changed">\s*<td>(\w+)</td>\s*<td>([^<]*)</td>', page_of(options).read_text())
    assert ("lr", "0.001") in changed and "beta1" not in dict(changed)
