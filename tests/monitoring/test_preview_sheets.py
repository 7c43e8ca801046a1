"""The card of preview sheets: newest first, few, lazy, and nothing that is not of this run."""

import re

import pytest
from PIL import Image

from cut.monitoring.preview_sheets import HEIGHT, NEWEST, WIDTH, preview_sheets
from cut.monitoring.web_page import WebPage
from tests.monitoring.miniature import progress_at, train


@pytest.fixture
def run_folder(tmp_path):
    """A run with sheets of 20×10 pixels after 0, 100, …, 2900 images."""
    (tmp_path / "previews").mkdir()
    for images in range(0, 3000, 100):
        Image.new("RGB", (20, 10)).save(tmp_path / f"previews/{images:09d}.png")
    return tmp_path


def shown(card) -> list[int]:
    return [int(number) for number in re.findall(r'src="\.\./previews/(\d{9})\.png"', str(card))]


def test_the_newest_sheets_and_the_first(run_folder):
    card = preview_sheets(run_folder, images=2900)
    assert shown(card) == [*range(2900, 2900 - NEWEST * 100, -100), 0]
    assert str(card).count('loading="lazy"') == NEWEST + 1
    assert f'height="{WIDTH // 2}"' in str(card) and "after 2,900 images" in str(card)


def test_a_sheet_of_one_high_picture_is_not_shown_higher_than_the_rest(tmp_path):
    (tmp_path / "previews").mkdir()
    Image.new("RGB", (512, 1028)).save(tmp_path / "previews/000000000.png")
    assert f'height="{HEIGHT}"' in str(preview_sheets(tmp_path, images=0))


def test_each_sheet_is_shown_once(run_folder):
    assert shown(preview_sheets(run_folder, images=NEWEST * 100 - 100)) == [*range(NEWEST * 100 - 100, -1, -100)]
    assert shown(preview_sheets(run_folder, images=NEWEST * 100)) == [*range(NEWEST * 100, -1, -100)]


def test_what_is_later_damaged_or_another_file_is_left_out(run_folder):
    (run_folder / "previews/000000100.png").write_bytes(b"")
    (run_folder / "previews/mine.png").write_bytes(b"")
    assert shown(preview_sheets(run_folder, images=250)) == [200, 0]


def test_without_sheets_there_is_no_card(tmp_path):
    assert preview_sheets(tmp_path, images=100) is None
    (tmp_path / "previews").mkdir()
    assert preview_sheets(tmp_path, images=100) is None


def test_the_live_page_has_the_card_and_its_links_lead_to_files(make_options):
    options = make_options("--display_freq", "5", "--update_html_freq", "10")
    previews = options.run.folder / "previews"
    previews.mkdir(parents=True)
    for images in (0, 10, 20):
        Image.new("RGB", (20, 10)).save(previews / f"{images:09d}.png")
    listener = WebPage()
    train(listener, options, range(1, 11))
    page = options.run.folder / "web" / "index.html"
    assert shown(page.read_text()) == [10, 0]
    listener.finish(progress_at(20))
    assert shown(page.read_text()) == [20, 10, 0]
    assert all((page.parent / link).exists() for link in re.findall(r'(?:href|src)="([^"]+)"', page.read_text()))
