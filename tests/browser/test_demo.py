"""`cut demo` in a real browser: a picture in, the slider out, at desktop and phone width, nothing from elsewhere."""

from threading import Thread

import pytest
from playwright.sync_api import expect

from cut.demo.epochs import Epochs
from cut.demo.server import make_server
from tests.browser.chromium import DESKTOP, PHONE
from tests.evaluation.tiny_run import ARCHITECTURE, save_generator, write_image


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of a run with two epochs, the last of them averaged too."""
    runs = tmp_path_factory.mktemp("demo")
    for label in ("5", "latest", "latest_ema"):
        save_generator(runs / "tiny", label=label)
    words = ["--name", "tiny", "--checkpoints_dir", str(runs), "--gpu_ids", "-1", *ARCHITECTURE]
    server, listening, address = make_server(Epochs(words), "localhost", 0)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield address
    server.should_exit = True
    thread.join()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(visit, address, request):
    own = ("Method not implemented", "queue/data.*ERR_ABORTED")  # Gradio ends its streams of answers so
    return visit(address, home=address.removeprefix("http://").strip("/"), expected=own, **request.param)


def test_a_picture_is_seen_before_and_after(page, tmp_path):
    expect(page.get_by_role("heading", name="tiny")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(write_image(tmp_path / "mine.png", size=(64, 48)))
    after = page.locator("img.preview")
    expect(after).to_have_count(2)
    page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth)")
    assert after.evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])") == [[64, 48]] * 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing to scroll sideways


def test_the_weights_are_chosen_by_name(page):
    page.get_by_label("Weights").click()
    expect(page.get_by_role("option")).to_contain_text(["last, average", "last", "epoch 5"])


def test_a_folder_is_translated(page, tmp_path):
    write_image(tmp_path / "in/deep/a.png")
    page.get_by_role("tab", name="A folder").click()
    page.get_by_label("Folder of pictures").fill(str(tmp_path / "in"))
    page.get_by_label("Folder for the translations").fill(str(tmp_path / "out"))
    page.get_by_role("button", name="Translate").click()
    expect(page.get_by_text("Translated:")).to_be_visible()
    assert (tmp_path / "out/deep/a.png").is_file()


def test_a_mistake_is_one_sentence_on_the_page(page, tmp_path):
    page.get_by_role("tab", name="A folder").click()
    page.get_by_label("Folder of pictures").fill(str(tmp_path / "none"))
    page.get_by_label("Folder for the translations").fill(str(tmp_path / "out"))
    page.get_by_role("button", name="Translate").click()
    expect(page.get_by_text("There is no folder")).to_be_visible()
