"""The web page of a run that has ended, opened from disk without any network."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from cut.monitoring.log_files import METRICS, read_metrics
from cut.training.evaluation import Evaluation
from cut.training.evaluation_table import measure_columns
from tests.browser.chromium import PHONE, SECONDS
from tests.browser.runs import NAMES

EPOCHS, IMAGES = 3, 12  # of the run in all
MEASURES = ("FD (EfficientNet-Lite0)", "KD (EfficientNet-Lite0)", "PSNR", "SSIM")
DECIDING = MEASURES[0]
CURVES = ("G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y", "learning rate", "images per second")
FRAMES = 7  # preview rows: before training, and every two images


@pytest.fixture
def page(visit, finished_run) -> Page:
    return visit(address_of(finished_run))


def address_of(run: Path) -> str:
    return (run / "web/index.html").as_uri()


def assert_loaded(page: Page) -> None:
    """Every picture of the page has pixels, those far down too, which are loaded when they are scrolled to."""
    pictures = page.locator("img")
    assert pictures.count() > 0
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(one => one.complete)")
    assert pictures.evaluate_all("all => all.filter(one => !one.naturalWidth).map(one => one.src)") == []


def chart(page: Page, name: str) -> Locator:
    return page.locator(".chart svg[role=img]").and_(page.get_by_label(name, exact=True))


def points(page: Page, name: str) -> int:
    """How many points the line of a chart goes through."""
    drawn = chart(page, name).locator("path.line").get_attribute("d")
    return drawn.count("M") + drawn.count("L")


def epochs_shown(page: Page, name: str = "G_GAN") -> tuple[float, float]:
    """The least and the greatest number on a chart's axis."""
    bottom = chart(page, name).locator("> text:not([x='42'])").all_text_contents()
    numbers = [float(text.removeprefix("epoch ")) for text in bottom]
    return min(numbers), max(numbers)


def film_shows(page: Page, images: int) -> None:
    """Each of the preview images is seen as it was after so many training images, and its file has loaded."""
    pictures = page.locator("#film .shot img.translation")
    expect(pictures).to_have_count(len(NAMES))
    for picture in pictures.all():
        expect(picture).to_have_attribute("src", f"../previews/{images:09d}.png")
    page.wait_for_function("[...document.querySelectorAll('#film .shot img')].every(one => one.complete)")
    assert all(pictures.evaluate_all("all => all.map(one => one.naturalWidth > 0)"))


def luminance(page: Page, selector: str, part: str) -> float:
    """How bright a colour of an element is, from 0 to 1."""
    style = page.locator(selector).first.evaluate("(one, part) => getComputedStyle(one)[part]", part)
    red, green, blue = (int(text) / 255 for text in style.removeprefix("rgb(").removesuffix(")").split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# ---------------------------------------------------------------------- what it shows


def test_it_says_what_the_run_was(page, finished_run):
    expect(page).to_have_title("tiny")
    expect(page.get_by_role("heading", level=1)).to_have_text("tiny")
    expect(page.locator("#state")).to_have_text("finished")
    expect(page.locator("#facts")).to_contain_text(f"{IMAGES} of {IMAGES}")
    command = page.locator(".command")
    expect(command).to_contain_text("python train.py ")
    expect(command).to_contain_text(f"--checkpoints_dir {finished_run.parent} ")


def test_every_option_can_be_read(page):
    options = page.locator("table.options")
    expect(options).to_be_hidden()
    page.locator("summary").click()
    expect(options.get_by_role("row").filter(has_text="display_winsize")).to_contain_text("96")


def test_the_table_has_the_last_and_the_best(page, finished_run):
    *_, entry = read_metrics(finished_run / METRICS, "evaluation")
    last, best = (
        Evaluation.from_json(row) for row in (entry["evaluation"], json.loads((finished_run / "best.json").read_text()))
    )
    rows = page.locator("#table").get_by_role("row")
    expect(rows.first).to_contain_text(f"last: epoch {EPOCHS}")
    expect(rows.first).to_contain_text(f"best: epoch {best.epoch}")
    columns = measure_columns([last])
    assert tuple(column.label for column in columns) == MEASURES
    for column in columns:
        name = column.label
        shown = [text.split(" ±")[0] for text in rows.filter(has_text=name).get_by_role("cell").all_inner_texts()]
        assert list(map(float, shown)) == pytest.approx([column.value(last), column.value(best)], rel=1e-3)


def test_only_what_decides_stands_out(page):
    rows = page.locator("#table").get_by_role("row")
    colours = [row.locator("td").last.evaluate("one => getComputedStyle(one).color") for row in rows.all()[1:]]
    assert colours[0] not in colours[1:] and len(set(colours)) == 2
    expect(page.locator("#notes")).to_contain_text(f"because {DECIDING} decides")


def test_the_table_that_the_run_said_has_columns(page):
    lines = page.locator("#messages pre").all_inner_texts()
    assert [line.split("  ")[0] for line in lines] == ["", f"last (epoch {EPOCHS})", lines[2].split("  ")[0]]
    assert len({len(line) for line in lines}) == 1


def test_every_picture_loads(page):
    assert_loaded(page)
    page.locator("#history a").first.click()
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"Epoch {EPOCHS}")
    assert page.locator("img").count() >= 3 * EPOCHS
    assert_loaded(page)


def test_a_measure_has_a_point_for_each_epoch(page):
    assert {name: points(page, name) for name in MEASURES} == dict.fromkeys(MEASURES, EPOCHS)
    for name in MEASURES:
        expect(chart(page, name).locator("circle.dot")).to_have_count(EPOCHS)
        expect(chart(page, name).locator("line.best-line")).to_have_count(1)
        expect(chart(page, name).locator("circle.best")).to_have_count(int(name == DECIDING))


def test_a_loss_has_a_point_for_each_logged_step(page):
    assert {name: points(page, name) for name in CURVES} == dict.fromkeys(CURVES, IMAGES)


# ---------------------------------------------------------------------- what hands do


def test_the_slider_turns_back_the_time(page):
    slider = page.get_by_label("time", exact=True)
    film_shows(page, IMAGES)
    for frame in range(FRAMES):
        slider.fill(str(frame))
        film_shows(page, 2 * frame)
    expect(page.locator("#moment")).to_have_text(f"epoch {EPOCHS}")
    slider.fill("0")
    expect(page.locator("#moment")).to_have_text("before training")


def test_the_arrow_keys_turn_back_the_time(page):
    page.keyboard.press("ArrowLeft")
    film_shows(page, IMAGES - 2)
    page.get_by_label("time", exact=True).focus()  # whose own keys these are too: one step each, not two
    page.keyboard.press("ArrowLeft")
    film_shows(page, IMAGES - 4)
    page.keyboard.press("ArrowRight")
    film_shows(page, IMAGES - 2)


def test_the_film_plays_from_its_beginning_to_its_end(page):
    page.evaluate("""() => {
        window.moments = [];
        const note = () => window.moments.push(document.getElementById("moment").textContent);
        new MutationObserver(note).observe(document.getElementById("moment"), { childList: true });
    }""")
    page.get_by_role("button", name="play").click()
    expect(page.get_by_role("button", name="pause")).to_be_visible()
    page.clock.run_for(SECONDS * 1000)
    page.wait_for_function("count => window.moments.length >= count", arg=FRAMES)
    assert page.evaluate("window.moments") == ["before training", *(f"epoch {half / 2:g}" for half in range(1, FRAMES))]
    expect(page.get_by_role("button", name="play")).to_be_visible()
    film_shows(page, IMAGES)


def test_the_strip_shows_one_image_at_all_times(page):
    strip = page.locator("#film .strip button")
    expect(strip).to_have_count(FRAMES)
    strip.nth(2).click()
    film_shows(page, 4)


def test_dragging_across_a_chart_zooms_in_and_a_double_click_out(page):
    whole = epochs_shown(page)
    assert whole[1] == EPOCHS
    svg = chart(page, "G")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.4 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=3)
    page.mouse.up()
    for name in ("G", "PSNR"):  # all charts share their axis
        least, most = epochs_shown(page, name)
        assert whole[0] < least < most < whole[1]
    svg.dblclick()
    assert epochs_shown(page) == whole


def test_buttons_show_the_end_of_the_run(page):
    page.get_by_role("button", name="last half").first.click()
    least, most = epochs_shown(page)
    assert least >= EPOCHS / 2 and most == EPOCHS
    page.get_by_role("button", name="whole run").first.click()
    assert epochs_shown(page)[0] <= EPOCHS / IMAGES


# ---------------------------------------------------------------------- where it is looked at


def test_a_dark_screen_gets_a_dark_page(visit, finished_run, tmp_path):
    for scheme in ("light", "dark"):
        page = visit(address_of(finished_run), color_scheme=scheme)
        ground, ink = luminance(page, "body", "backgroundColor"), luminance(page, "body", "color")
        assert (ground < 0.2 and ink > 0.7) if scheme == "dark" else (ground > 0.8 and ink < 0.3)
        assert abs(luminance(page, ".card", "backgroundColor") - luminance(page, "#film .label", "color")) > 0.3
        assert_loaded(page)
        page.screenshot(path=tmp_path / f"desktop_{scheme}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(visit, finished_run, tmp_path, scheme):
    page = visit(address_of(finished_run), color_scheme=scheme, **PHONE)
    width = PHONE["viewport"]["width"]
    assert_loaded(page)
    page.screenshot(path=tmp_path / f"phone_{scheme}.png", full_page=True)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    page.locator("summary").tap()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for name in ("G_GAN", MEASURES[0]):
        box = chart(page, name).bounding_box()
        assert box["x"] >= 0 and 250 <= box["width"] <= width
    slider = page.get_by_label("time", exact=True)
    box = slider.bounding_box()
    assert box["width"] >= width / 3 and box["height"] >= 16
    slider.tap(position={"x": 2, "y": box["height"] / 2})
    film_shows(page, 0)
    page.screenshot(path=tmp_path / f"phone_{scheme}_options.png", full_page=True)


def test_on_a_phone_the_strip_follows_the_slider_and_the_page_stays(visit, finished_run):
    page = visit(address_of(finished_run), **PHONE)
    page.evaluate("scrollTo(0, 40)")
    slider, strip = page.get_by_label("time", exact=True), page.locator("#film .strip")
    assert strip.evaluate("one => one.scrollWidth > one.clientWidth")
    for frame in (0, 3, FRAMES - 1, 1):
        slider.evaluate("(one, frame) => { one.value = frame; one.dispatchEvent(new Event('input')); }", frame)
        own, around = strip.locator(".here").bounding_box(), strip.bounding_box()
        assert around["x"] - 1 <= own["x"] and own["x"] + own["width"] <= around["x"] + around["width"] + 1
        expect(strip.locator("button").nth(frame)).to_have_class("here")
    assert page.evaluate("scrollY") == 40


def test_no_option_of_the_command_is_broken_on_a_phone(visit, finished_run):
    page = visit(address_of(finished_run), **PHONE)
    lines = page.locator(".command").evaluate("""command => [...command.querySelectorAll("span")].map(one => {
        const text = one.firstChild, range = document.createRange();
        range.setStart(text, 0);
        range.setEnd(text, (text.data + " ").indexOf(" "));
        return range.getClientRects().length;
    })""")
    assert len(lines) > 10 and set(lines) == {1}


def test_it_can_be_read_without_scripts(visit, finished_run):
    page = visit(address_of(finished_run), java_script_enabled=False)
    expect(page.locator("#state")).to_have_text("finished")
    expect(page.locator("#table")).to_contain_text(f"epoch {EPOCHS}")
    expect(page.locator("#film .shot img.translation").first).to_have_attribute("src", "../previews/000000012.png")
