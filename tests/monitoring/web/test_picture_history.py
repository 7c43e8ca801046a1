"""The pictures of the epochs: names, pages, and that full pages are left alone."""

import re

import numpy as np
import pytest
from PIL import Image

from cut.monitoring.web import picture_history
from cut.monitoring.web.picture_history import PictureHistory

GREY = {"real_A": np.full((6, 8, 3), 191, np.uint8), "fake_B": np.zeros((6, 8, 3), np.uint8)}


@pytest.fixture
def three_a_page(monkeypatch):
    monkeypatch.setattr(picture_history, "EPOCHS_PER_PAGE", 3)


def epochs_on(page) -> list[int]:
    return [int(number) for number in re.findall(r'id="epoch(\d+)"', page.read_text())]


def history(folder, last_epoch=0, **more):
    return PictureHistory(folder, "title", last_epoch, width=256, **more)


def test_pictures_have_published_names(tmp_path):
    history(tmp_path).save(7, GREY)
    assert sorted(file.name for file in (tmp_path / "images").iterdir()) == [
        "epoch007_fake_B.png", "epoch007_real_A.png",
    ]  # fmt: skip
    assert np.array_equal(np.asarray(Image.open(tmp_path / "images/epoch007_real_A.png")), GREY["real_A"])


def test_labels_cannot_leave_the_folder_or_end_a_tag(tmp_path):
    pictures = history(tmp_path)
    pictures.save(1, {'../<script>"': GREY["real_A"]})
    pictures.write_pages()
    [file] = (tmp_path / "images").iterdir()
    assert file.name == "epoch001_..__script__.png"
    assert "<script" not in (tmp_path / "epochs0001.html").read_text()


def test_newest_epoch_is_first_and_every_link_leads_to_a_file(tmp_path, three_a_page):
    pictures = history(tmp_path)
    for epoch in range(1, 8):
        pictures.save(epoch, GREY)
    pictures.write_pages()
    (tmp_path / "index.html").touch()
    assert [epochs_on(tmp_path / f"epochs000{first}.html") for first in (1, 4, 7)] == [[3, 2, 1], [6, 5, 4], [7]]
    for page in tmp_path.glob("epochs*.html"):
        links = re.findall(r'(?:href|src)="(?!data:)([^"]+)"', page.read_text())
        assert links and all((tmp_path / link).exists() for link in links)
    assert pictures.links() == [("7–9", "epochs0007.html"), ("4–6", "epochs0004.html"), ("1–3", "epochs0001.html")]
    assert not list(tmp_path.rglob("*.staged"))


def test_only_pages_that_change_are_written(tmp_path, three_a_page):
    pictures = history(tmp_path)
    for epoch in range(1, 101):
        pictures.save(epoch, GREY)
        for page in tmp_path.glob("*.html"):
            page.unlink()
        pictures.write_pages()
        assert len(list(tmp_path.glob("*.html"))) <= 2
    pictures.save(100, GREY)  # newer pictures of the same epoch have the same names
    for page in tmp_path.glob("*.html"):
        page.unlink()
    pictures.write_pages()
    assert not list(tmp_path.glob("*.html"))
    assert [label for label, _ in pictures.links()] == ["100–102", "97–99", "94–96", "1–3"]


def test_a_continued_run_keeps_earlier_epochs_and_forgets_later_ones(tmp_path):
    first = history(tmp_path)
    for epoch in range(1, 5):
        first.save(epoch, GREY)
    (tmp_path / "images/epoch002_fake_B.png").write_bytes(b"no picture")
    again = history(tmp_path, last_epoch=3, order=["real_A", "fake_B"])
    assert again.newest == (3, {"real_A": (8, 6), "fake_B": (8, 6)})
    assert list(again.newest[1]) == ["real_A", "fake_B"]  # in display order, not in that of the alphabet
    again.write_pages()
    assert epochs_on(tmp_path / "epochs0001.html") == [3, 2, 1]
    assert history(tmp_path).newest is None  # a fresh start shows nothing of one that never saved
