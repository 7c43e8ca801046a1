"""Points of a learned similarity by clicks, in a browser."""

import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import expect

from cut.data.images import read_image, to_tensor
from cut.evaluation.figures.similarity import LearnedSimilarity
from cut.evaluation.figures.similarity_picture import Shown
from cut.options import test_options as options_to_test
from scripts.visualize_view import Content, make_view
from tests.contrastive_run import save_contrastive_run
from tests.evaluation.tiny_run import write_image


@pytest.fixture
def address(tmp_path):
    save_contrastive_run(tmp_path / "tiny")
    file: Path = write_image(tmp_path / "a.png", (24, 20))
    words = ["--name", "tiny", "--checkpoints_dir", str(tmp_path), "--no_ema", "--gpu_ids", "-1"]
    learned = LearnedSimilarity(options_to_test(words))
    image = Shown.of(file.name, to_tensor(read_image(file, 3), 3), learned)
    server = make_view(Content(learned, image, [], "Learned similarity of tiny"), "localhost", 0)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_click_chooses_a_point_and_draws_its_maps(visit, address):
    page = visit(f"http://{address}/", home=address, expected=(r"maps\.png.*ERR_ABORTED",))  # of points since undone
    expect(page.locator("#state")).to_have_text("Click on a place of either picture.")
    picture = page.get_by_alt_text("translation")
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 10.5 / 24, "y": box["height"] * 5.5 / 20})
    expect(page.locator("#words")).to_have_text("--points 10,5")
    expect(page.locator(".dot")).to_have_count(2)
    page.wait_for_function("document.getElementById('maps').naturalWidth > 100")
    page.get_by_alt_text("input", exact=True).click(position={"x": 1, "y": 1})
    expect(page.locator("#words")).to_have_text("--points 10,5 0,0")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#words")).to_have_text("--points 10,5")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#maps")).to_be_hidden()


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/maps.png?points=24,3", None, 400),
        ("/maps.png?points=x", None, 400),
        ("/maps.png", None, 400),
        ("/../a.png", None, 404),
        ("/", "evil.example", 403),
    ],
)
def test_other_requests_are_refused(chromium, address, path, host, status):
    request = urllib.request.Request(f"http://{address}{path}", headers={"Host": host} if host else {})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == status
