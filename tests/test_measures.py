"""The measures by name, and a new one that is one file."""

import ast
import json
import sys
from pathlib import Path

import pytest

from cut.evaluation import measures
from cut.evaluation.measures.frechet import frechet
from cut.measures import MEASURES, Measures
from cut.monitoring.reports.runs import read_run
from cut.monitoring.reports.table import make_report
from cut.monitoring.web.page_data import measure_table
from tests.evaluation.measured_run import data, extractor, trained  # noqa: F401 fixtures

FOLDER = Path(measures.__file__).parent
BRIGHTNESS = '''
from cut.measures import MEASURES


@MEASURES.register("brightness", label="brightness difference", needs="pairs", higher_is_better=False)
def brightness(real, fake):
    """How far the mean brightness of a translation is from that of the real image, in gray levels."""
    return abs(float(real.mean()) - float(fake.mean()))
'''


def test_the_shipped_measures_in_the_order_in_which_they_are_shown():
    assert MEASURES.names() == [
        "frechet", "kernel", "psnr", "ssim", "pixel_accuracy", "class_accuracy", "mean_iou",
    ]  # fmt: skip
    assert [measure.name for measure in MEASURES.values() if not measure.higher_is_better] == ["frechet", "kernel"]


def test_only_inceptions_distances_are_called_fid_and_kid():
    labels = {name: [MEASURES[name].label_with(title) for title in ("Inception", "Lite0", None)] for name in MEASURES}
    assert labels["frechet"] == ["FID", "FD (Lite0)", "FD"] and labels["kernel"] == ["KID", "KD (Lite0)", "KD"]
    assert labels["psnr"] == ["PSNR"] * 3 and labels["mean_iou"] == ["mean IoU"] * 3


def test_a_name_is_given_once_and_a_need_is_one_of_three():
    registry = Measures(measures.__name__)
    registry.register("frechet", label="FD", needs="features", higher_is_better=False)(frechet)
    with pytest.raises(ValueError, match="already a measure named 'frechet'"):
        registry.register("frechet", label="FD", needs="features", higher_is_better=False)(frechet)
    with pytest.raises(ValueError, match="needs 'luck', which is none of features, pairs, palette"):
        registry.register("other", label="other", needs="luck", higher_is_better=True)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_names_are_known_without_the_libraries_that_compute(file):
    imported = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:  # what is imported inside functions is imported late
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
    ours = {module for module in imported if module.split(".")[0] not in sys.stdlib_module_names}
    assert all(module in ("cut.measures", "cut.errors") or module.startswith(measures.__name__) for module in ours)


@pytest.fixture
def brightness(tmp_path_factory, monkeypatch):
    """A measure in one new file of the folder of measures."""
    folder = tmp_path_factory.mktemp("more_measures")
    (folder / "brightness.py").write_text(BRIGHTNESS)
    MEASURES.names()
    monkeypatch.setattr(MEASURES, "_known", dict(MEASURES._known))
    monkeypatch.setattr(MEASURES, "_folder", measures.__name__)
    monkeypatch.setattr(measures, "__path__", [*measures.__path__, str(folder)])
    yield "brightness"
    sys.modules.pop(f"{measures.__name__}.brightness", None)


def test_a_new_measure_is_one_file(brightness, data, capsys):  # noqa: F811
    """It is measured in training, may decide, and is in the log, the tables and the page."""
    folder = trained(data, "run", "--best_metric", brightness)
    best = json.loads((folder / "best.json").read_text())
    run = read_run(folder)
    assert [measure.name for measure in run.measures] == ["frechet", "kernel", "psnr", "ssim", brightness]
    values = [one.measures[brightness] for one in run.record.evaluations]
    assert len(values) == 2 and best["measures"][brightness] == min(values) and min(values) > 0
    assert "best brightness difference" in make_report([run]).columns
    table = measure_table(run.record.evaluations[-1], run.record.best, brightness)
    assert table["lines"][-1][0] == "brightness difference\N{NO-BREAK SPACE}↓" and table["deciding"] == 5
    assert "The best by brightness difference." in capsys.readouterr().out
