"""The documentation site, opened from disk in a browser without a network."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import DESKTOP, PHONE


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_fit_and_the_search_finds(visit, site, size):
    page = visit((site / "faq.html").as_uri(), **size)
    width = size["viewport"]["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if size is PHONE:
        page.locator("label[for=__search]").first.click()
    search = page.get_by_role("textbox", name="Search")
    search.focus()
    expect(page.locator(".md-search-result__meta")).to_contain_text("Type to start searching")  # it is ready
    search.press_sequentially("moving average")
    results = page.locator(".md-search-result__item")
    expect(results.first).to_contain_text("average")
    results.first.locator("a").first.click()
    expect(page.locator("article h1")).to_be_visible()
    assert page.url.startswith("file:") and page.evaluate("document.documentElement.scrollWidth") <= width
