"""The page of results: every image on it, whatever it is called and however many there are."""

import re
from html import unescape
from urllib.parse import unquote

from PIL import Image

from cut.evaluation.protocols.results_page import ROWS_PER_PAGE, ResultRow, write_results_page


def rows(count: int) -> list[ResultRow]:
    labels = ("real_A", "fake_B")
    return [ResultRow(f"{i}.png", {label: f"images/{label}/{i}.png" for label in labels}) for i in range(count)]


def test_odd_names_are_shown_and_their_links_lead_to_the_files(tmp_path):
    names = ["été #1 50%.png", 'sub folder/what\'s "this"?.png', "<b>&amp;.png", "日本/地図.png", "a:b.png"]
    table = []
    for name in names:
        images = {label: f"images/{label}/{name}" for label in ("real_A", "fake_B", "real_B")}
        for file in images.values():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 10)).save(tmp_path / file)
        table.append(ResultRow(name, images))
    text = write_results_page(tmp_path, "title <b>", table, {"epoch": "latest"}).read_text()
    assert [unescape(name) for name in re.findall(r"<h2>(.*?)</h2>", text)] == names
    sources = re.findall(r'src="([^"]+)"', text)
    assert len(sources) == 15 and all((tmp_path / unquote(source)).is_file() for source in sources)
    assert text.count('loading="lazy"') == 15
    assert text.count('height="128"') == 15  # of a width of 256: read from the files


def test_many_images_become_pages(tmp_path):
    table = rows(2 * ROWS_PER_PAGE + 1)
    assert write_results_page(tmp_path, "t", table, {}) == tmp_path / "index.html"
    shown = []
    for name, count in [("index.html", ROWS_PER_PAGE), ("page2.html", ROWS_PER_PAGE), ("page3.html", 1)]:
        text = (tmp_path / name).read_text()
        found = re.findall(r"<h2>(.*?)</h2>", text)
        assert len(found) == count
        shown += found
        pages = set(re.findall(r'href="([^"/]+\.html)"', text))
        assert pages == {"index.html", "page2.html", "page3.html"} - {name}
    assert shown == [row.name for row in table]


def test_a_shorter_run_leaves_no_old_pages(tmp_path):
    write_results_page(tmp_path, "t", rows(3 * ROWS_PER_PAGE), {})
    (tmp_path / "pages.html").write_text("mine")
    write_results_page(tmp_path, "t", rows(ROWS_PER_PAGE), {})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["index.html", "pages.html"]


def test_a_missing_target_and_a_missing_file_do_not_stop_the_page(tmp_path):
    table = [ResultRow("a.png", {"real_A": "images/gone.png"})]
    text = write_results_page(tmp_path, "t", table, {}).read_text()
    assert text.count("<img") == 1 and "height" not in text.split("<img")[1].split(">")[0]


def test_no_images_is_said(tmp_path):
    assert "no images" in write_results_page(tmp_path, "t", [], {}).read_text()
