"""The documentation site: built without a warning, complete, and in need of no network."""

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scripts.docs_site.docstrings import one_by_one

ROOT = Path(__file__).parents[1]


class Loads(HTMLParser):
    """Addresses that a page loads by itself, and not only when the reader asks for them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "link" and values.get("rel") not in ("next", "prev"):
            self.found.append(values["href"])
        if tag in ("script", "img", "iframe") and "src" in values:
            self.found.append(values["src"])


def text_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_pages_load_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found and [address for address in loads.found if "//" in address] == [], page
    styles = "".join(file.read_text(encoding="utf-8") for file in site.rglob("*.css"))
    assert not re.search(r"url\(['\"]?(https?:)?//|@import", styles)


def test_every_document_is_in_the_nav(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    navigation = start[start.index("md-nav--primary") : start.index("md-content")]
    pages = [file.with_suffix(".html").name for file in (ROOT / "docs").glob("*.md")]
    missing = [page for page in [*pages, "contributing.html", "changelog.html"] if f'href="{page}"' not in navigation]
    assert pages and missing == []


def test_the_reference_has_every_package_with_types_of_arguments(site):
    packages = {file.parent for file in (ROOT / "cut").rglob("*.py")}
    for package in packages:
        assert (site / "reference" / f"{'.'.join(package.relative_to(ROOT).parts)}.html").exists()
    text = text_of(site / "reference" / "cut.losses.html")
    assert "cut.losses.patchnce" in text and "query: Tensor" in text and "unit vectors of the translated images" in text


def test_links_to_code_show_it(site):
    assert "class CUT(Method)" in text_of(site / "source" / "cut" / "models" / "cut.py.html")
    assert 'href="source/cut/models/cut.py.html"' in (site / "design.html").read_text(encoding="utf-8")
    assert (site / "pictures" / "quickstart.jpg").read_bytes() == (ROOT / "scripts" / "quickstart.jpg").read_bytes()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("    height, width: in pixels.", "    height: in pixels.\n    width: in pixels."),
        ("    a, b: first\n        second.", "    a: first\n        second.\n    b: first\n        second."),
        ("    one: of these, those: all.", "    one: of these, those: all."),
    ],
)
def test_arguments_that_share_a_description(written, read):
    assert one_by_one(f"Args:\n{written}\n") == f"Args:\n{read}\n"
