"""Curves of the losses."""

import json

import numpy as np

from cut.monitoring.loss_curves import loss_curves, thin


def write(path, losses) -> None:
    lines = [json.dumps({"epoch": 1, "images": i, "losses": entry}) for i, entry in enumerate(losses, start=1)]
    path.write_text("\n".join(lines) + "\n")


def test_thinning_keeps_ends_and_mean():
    points = [(float(i), i * 0.5) for i in range(1000)]
    curve = thin(points, 100)
    assert len(curve) == 100
    np.testing.assert_allclose(curve.mean(axis=0), np.mean(points, axis=0))
    np.testing.assert_allclose(curve[0], (4.5, 2.25))
    np.testing.assert_array_equal(thin(points[:50], 100), points[:50])


def test_gaps_and_constant_losses_are_drawn(tmp_path):
    write(tmp_path / "m.jsonl", [{"G": 1.0, "D_R1": None}, {"G": 1.0}, {"G": 1.0, "D_R1": 2.0}, {"D_R1": 3.0}])
    drawn = loss_curves(tmp_path / "m.jsonl").render()
    assert drawn.count("<polyline") == 2 and "nan" not in drawn


def test_nothing_is_drawn_from_less_than_two_steps(tmp_path):
    assert loss_curves(tmp_path / "missing.jsonl") is None
    write(tmp_path / "m.jsonl", [{"G": 1.0}])
    assert loss_curves(tmp_path / "m.jsonl") is None
