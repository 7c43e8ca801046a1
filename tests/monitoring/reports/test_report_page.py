"""The page of several runs: what is seen at once, what unfolds, and names that are no markup."""

from html.parser import HTMLParser

import pytest

from cut.monitoring.reports.report_page import as_page
from cut.monitoring.reports.runs import read_run
from cut.monitoring.reports.table import make_report
from tests.monitoring.recorded_runs import record


class Page(HTMLParser):
    """Its tags, and the text of every cell, of the tables that are folded and of those that are not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.seen: list[str] = []
        self.folded: list[str] = []
        self.inside = False
        self.feed(text)

    @property
    def cells(self) -> list[str]:
        return self.folded if "details" in self.tags else self.seen

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.inside = True
            self.cells.append("")

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += "".join(data.split())  # the page breaks lines where it likes

    def handle_endtag(self, tag):
        self.inside &= tag not in ("td", "th")


@pytest.fixture
def report(tmp_path):
    measures = {2: {"frechet": 80.0, "psnr": 12.0}, 4: {"frechet": 90.0, "psnr": 11.0}}
    label = "<script>alert(1)</script>"
    return make_report([read_run(record(tmp_path / "a", "--easy_label", label, measures=measures, best=[2]))])


def test_the_columns_that_most_look_for_are_seen_at_once(report):
    page = Page(as_page(report).render())
    name = "<script>alert(1)</script>a"
    expected = ["method", "bestFID", "s/iteration", "memory", "epochs", name, "80.00epoch2", "1.000", "2.00GiB", "4"]
    assert page.seen == expected and "script" not in page.tags


def test_all_columns_unfold(report):
    page = Page(as_page(report).render())
    unfolded = [f"{cell.value}{cell.remark}" for cell in report.rows[0]][2:]
    expected = ["method", *report.columns[2:], "<script>alert(1)</script>a", *unfolded]
    assert page.folded == ["".join(text.split()) for text in expected]


def test_the_measure_that_decides_is_among_the_first(tmp_path):
    measures = {4: {"frechet": 90.0, "psnr": 11.0, "ssim": 0.5}}
    folder = record(tmp_path / "a", "--best_metric", "psnr", measures=measures, best=[4])
    report = make_report([read_run(folder)])
    assert report.chosen == ["best FID", "PSNR at best", "s/iteration", "memory", "epochs"]
