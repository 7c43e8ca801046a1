"""Pages of results and of reports at desktop and phone width: nothing to scroll sideways but wide tables."""

import pytest

from cut.evaluation.protocols.results_page import ResultRow, write_results_page
from cut.monitoring.reports.report_page import as_page
from cut.monitoring.reports.runs import read_run
from cut.monitoring.reports.table import make_report
from tests.browser.chromium import DESKTOP, PHONE
from tests.evaluation.tiny_run import write_image
from tests.monitoring.recorded_runs import record

SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
FITS = "document.documentElement.scrollWidth <= innerWidth"


@SIZES
def test_source_translation_and_target_stand_side_by_side(visit, tmp_path, size):
    files = {label: f"{label}.png" for label in ("real_A", "fake_B", "real_B")}
    for file in files.values():
        write_image(tmp_path / file)
    page = visit(write_results_page(tmp_path, "results", [ResultRow("a.png", files)], {}).as_uri(), **size)
    tops = page.locator("figure").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert len(tops) == 3 and len(set(tops)) == 1 and page.evaluate(FITS)


@SIZES
def test_a_report_shows_its_measures_at_once_and_the_rest_unfolds(visit, tmp_path, size):
    measures = {epoch: {"frechet": 90.0, "kernel": 0.1, "psnr": 11.0, "ssim": 0.5} for epoch in (2, 4)}
    names = ("a_run_with_quite_a_long_name_seed0", "b")
    more = (["--lambda_NCE", "3"], [])
    runs = [
        read_run(record(tmp_path / name, *words, measures=measures, best=[2]))
        for name, words in zip(names, more, strict=True)
    ]
    file = tmp_path / "report.html"
    file.write_text(as_page(make_report(runs)).render(), encoding="utf-8")
    page = visit(file.as_uri(), **size)
    first = page.get_by_role("cell", name="90.00").first.bounding_box()
    assert first["x"] + first["width"] <= size["viewport"]["width"] and page.evaluate(FITS)
    assert not page.get_by_role("columnheader", name="last KID").is_visible()
    page.get_by_text("All columns").click()
    assert page.get_by_role("columnheader", name="last KID").is_visible() and page.evaluate(FITS)
