"""The skeleton that the pages share."""

from urllib.parse import unquote

import pytest

from cut.html import address, figure, page, page_links, page_name

NAMES = ["plain.png", "a b.png", "50%.png", "été #1?.png", 'quote".png', "it's <b>&.png", "日本/地図.png", "a:b.png"]


@pytest.mark.parametrize("name", NAMES)
def test_an_address_leads_back_to_its_file(name):
    quoted = address(f"images/real_A/{name}")
    assert unquote(quoted) == f"images/real_A/{name}"
    assert not set(quoted) & set(" #?\"<>&'")


def test_an_address_is_never_read_as_a_scheme():
    assert address("javascript:alert(1).png") == "./javascript%3Aalert%281%29.png"


def test_a_name_that_is_no_utf8_can_be_shown_and_linked():
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    drawn = figure(name, name).render()
    assert 'src="caf%E9.png"' in drawn and "caf?.png" in drawn
    drawn.encode("utf-8")


def test_text_is_escaped_everywhere():
    evil = "<script>alert(1)</script>\"'"
    with page(evil, {evil: evil}) as content:
        figure(evil, evil)
    assert "<script" not in content.render()


def test_a_page_needs_no_network():
    content = page("title", {"epoch": "5"}, style=".own { color: red; }").render()
    assert "http:" not in content and "https:" not in content and "@import" not in content
    assert ".own { color: red; }" in content and '<link href="data:,' in content


def test_a_figure_is_lazy_and_keeps_its_place():
    drawn = figure("a.png", "real_A", size=(100, 50), width=256).render()
    assert 'loading="lazy"' in drawn and 'width="256"' in drawn and 'height="128"' in drawn


def test_page_links_stay_few():
    pages = [(str(number), page_name(number)) for number in range(1, 1001)]
    drawn = page_links(pages, 499).render()
    assert drawn.count("<a") == 10  # previous, first, three before, three after, last, next
    assert 'href="page499.html" rel="prev"' in drawn and 'href="page501.html" rel="next"' in drawn
    assert 'rel="prev"' not in page_links(pages, 0).render()
    assert 'rel="next"' not in page_links(pages, 999).render()
