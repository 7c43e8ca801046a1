"""The measures by name, and a new one that is one file."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cut.evaluation import measures
from cut.evaluation.comparison.confusion import Confusion
from cut.evaluation.features.feature_set import FeatureSet
from cut.evaluation.measures.frechet import frechet_distance
from cut.measures import MEASURES, Measures
from cut.monitoring.reports.runs import measured, read_run
from cut.monitoring.reports.table import make_report
from cut.monitoring.web.page_data import measure_table
from tests.evaluation.measured_run import data, extractor, trained  # noqa: F401 fixtures

ROOT = Path(__file__).parents[1]
BRIGHTNESS = '''
from cut.measures import MEASURES


@MEASURES.register("brightness", label="brightness difference", needs="pairs", higher_is_better=False)
def brightness(real, fake):
    """How far the mean brightness of a translation is from that of the real image, in gray levels."""
    return abs(float(real.mean()) - float(fake.mean()))
'''


def value_of(measure, real, fake):
    """A measure of images (N, H, W, 3); its features are mean colours."""
    if measure.needs == "pairs":
        return measure.compute(real[0], fake[0])
    if measure.needs == "perceptual":
        return measure.compute([np.abs(real - fake).mean(), 0.0])
    if measure.needs in ("palette", "segmenter"):
        confusion = Confusion(("dark", "bright"))
        confusion.add(real[..., 0] > 127, fake[..., 0] > 127)
        return measure.compute(confusion)
    sets = [FeatureSet("Inception", images.mean(axis=(1, 2)).astype(np.float32) / 255) for images in (real, fake)]
    value = measure.compute(*sets, seed=0)
    return value[0] if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", MEASURES)
def test_the_better_way_is_that_of_images_nearer_to_the_real_ones(name):
    real = np.random.default_rng(1).integers(0, 256, (40, 16, 16, 3))
    slightly, much = (value_of(MEASURES[name], real, np.clip(real + brighter, 0, 255)) for brighter in (10, 90))
    assert slightly > much if MEASURES[name].higher_is_better else slightly < much


def test_only_inceptions_distances_are_called_fid_and_kid():
    labels = {name: [MEASURES[name].label_with(title) for title in ("Inception", "Lite0", None)] for name in MEASURES}
    assert labels["frechet"] == ["FID", "FD (Lite0)", "FD"] and labels["kernel"] == ["KID", "KD (Lite0)", "KD"]
    assert labels["psnr"] == ["PSNR"] * 3 and labels["mean_iou"] == ["mean IoU"] * 3


def test_a_name_is_given_once_and_a_need_is_a_known_one():
    registry = Measures(measures.__name__)
    registry.register("frechet", label="FD", needs="features", higher_is_better=False)(frechet_distance)
    with pytest.raises(ValueError, match="already a measure named 'frechet'"):
        registry.register("frechet", label="FD", needs="features", higher_is_better=False)(frechet_distance)
    with pytest.raises(ValueError, match="needs 'luck', which is none of features, neighbours, single, pairs"):
        registry.register("other", label="other", needs="luck", higher_is_better=True)


def test_names_are_known_without_the_libraries_that_compute():
    heavy = {"torch", "numpy", "scipy", "skimage", "PIL"}
    code = f"import sys; from cut.measures import MEASURES; print(len(MEASURES) > 2, {heavy} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert said.stdout == "True set()\n", said.stderr


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
    assert [measure.name for measure in measured([run])] == ["frechet", "kernel", "psnr", "ssim", brightness]
    values = [one.measures[brightness] for one in run.record.evaluations]
    assert len(values) == 2 and best["measures"][brightness] == min(values) and min(values) > 0
    assert "best brightness difference" in make_report([run]).columns
    table = measure_table(run.record.evaluations[-1], run.record.best, brightness)
    assert table["lines"][-1][0] == "brightness difference\N{NO-BREAK SPACE}↓" and table["deciding"] == 5
    assert "The best by brightness difference." in capsys.readouterr().out
