"""The table of runs: closed forms of its figures, what shares a row, and both forms of it."""

import math
import re

import pytest

from cut.monitoring.reports.runs import read_run
from cut.monitoring.reports.table import as_markdown, group, make_report, method_name, over_seeds
from cut.options import train_options
from tests.monitoring.recorded_runs import DETAILS, record

FOCAL = ("--nce_loss", "focal")


def cells_of(*folders) -> list[dict[str, str]]:
    """The rows by heading, with what all of them have in common."""
    report = make_report([read_run(folder) for folder in folders])
    rows = [dict(zip(report.columns, map(str, row), strict=True)) for row in report.rows]
    return [row | report.facts for row in rows]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([91.44], "91.44"),
        ([90.0, 94.0], "92.00 ± 2.83"),  # √8
        ([1.0, 2.0, 3.0], "2.000 ± 1.000"),
        ([0.0123, 0.0125], "0.01240 ± 0.00014"),
        ([None, math.nan], "—"),
        ([5.0, None, math.inf], "5.000"),
        ([5.0, 7.0, None], "6.000 ± 1.414"),
        ([3.0, 3.0], "3.000 ± 0.000"),
    ],
)
def test_mean_and_sample_deviation(values, text):
    assert over_seeds(values) == text


def test_seeds_share_a_row(tmp_path):
    first = record(tmp_path / "a", measures={2: {"frechet": 90.0}, 4: {"frechet": 100.0}}, best=[2], seconds=[8.0] * 4)
    other = {2: {"frechet": 96.0}, 4: {"frechet": 94.0}}
    second = record(tmp_path / "b", "--seed", "7", measures=other, best=[2, 4], seconds=[16.0] * 4, memory=3 * 2**30)
    (row,) = cells_of(first, second)
    assert row["method"] == "CUT" and row["seeds"] == "0, 7" and row["epochs"] == "4"
    assert row["best FID"] == "92.00 ± 2.83 (epochs 2, 4)" and row["last FID"] == "97.00 ± 4.24 (epoch 4)"
    assert row["s/iteration"] == "1.500 ± 0.707" and row["memory"] == "3.00 GiB"
    assert row["parameters"] == "G 11.38 M, D 2.765 M, F 0.5604 M" and row["device"] == "CPU"


def test_many_epochs_are_a_range(tmp_path):
    runs = [record(tmp_path / str(i), "--seed", str(i), measures={i: {"frechet": 9.0}}, best=[i]) for i in (1, 2, 3, 4)]
    assert cells_of(*runs)[0]["best FID"] == "9.000 ± 0.000 (epochs 1–4)"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "CUT"),
        (["--CUT_mode", "FastCUT"], "FastCUT"),
        (["--model", "sincut"], "SinCUT"),
        (["--model", "cycle_gan"], "CycleGAN"),
        (["--model", "sincut", "--CUT_mode", "FastCUT"], "SinCUT (FastCUT)"),
        ([*FOCAL], "CUT focal γ2 α0.25"),
        (
            [*FOCAL, "--focal_gamma", "3", "--focal_alpha", "0.5", "--focal_gradient", "full"],
            "CUT focal γ3 α0.5 full gradient",
        ),
        (["--nce_loss", "monce"], "CUT monce"),
        (["--nce_loss", "hdce", "--lambda_SRC", "0.05"], "CUT hdce + SRC"),
        (["--nce_sampler", "qs_global"], "CUT qs_global"),
        (["--model", "distance_gan", "--use_self_distance"], "SelfDistance"),
    ],
)
def test_the_method_is_named_from_the_options(arguments, name):
    assert method_name(train_options(["--dataroot", "x", *arguments]).flat()) == name


def test_what_all_rows_share_is_said_once_and_what_differs_in_the_row(tmp_path):
    folders = [
        record(tmp_path / "a", "--ngf", "16"),
        record(tmp_path / "b", "--ngf", "16", "--lambda_NCE", "3", "--dataroot", "y"),
        record(tmp_path / "c", "--ngf", "16", "--CUT_mode", "FastCUT"),  # its λ_NCE 10 is in the preset
    ]
    report = make_report([read_run(folder) for folder in folders])
    names = [row[0].value for row in report.rows]
    assert names == ["CUT, dataroot x", "CUT, dataroot y, lambda_NCE 3.0", "FastCUT"]
    assert [row[-1].value for row in report.rows] == ["—", "—", "dataroot x"] and report.columns[-1] == "settings"
    assert [report.facts.get(name) for name in ("ngf", "n_epochs", "n_epochs_decay")] == ["16", "3", "1"]
    assert report.facts.keys() - {"ngf", "n_epochs", "n_epochs_decay"} == {"device", "parameters"}


def test_labels_of_ones_own_are_used_where_they_tell_rows_apart(tmp_path):
    one = record(tmp_path / "a", "--easy_label", "plain")
    other = record(tmp_path / "b", *FOCAL, "--easy_label", "focused")
    third = record(tmp_path / "c", "--CUT_mode", "FastCUT", "--easy_label", "same")
    fourth = record(tmp_path / "d", "--CUT_mode", "FastCUT", *FOCAL, "--easy_label", "same")
    names = [row["method"] for row in cells_of(one, other, third, fourth)]
    assert names == ["plain", "focused", "FastCUT", "FastCUT focal γ2 α0.25"]


def test_watching_and_saving_make_no_row(tmp_path):
    other = ["--seed", "3", "--print_freq", "7", "--save_latest_freq", "9", "--num_threads", "0", "--gpu_ids", "-1"]
    assert len(cells_of(record(tmp_path / "a"), record(tmp_path / "b", *other))) == 1


def test_a_seed_that_was_not_measured_is_said(tmp_path):
    measured = record(tmp_path / "a", measures={2: {"frechet": 90.0}, 4: {"frechet": math.nan}}, best=[2])
    (row,) = cells_of(measured, record(tmp_path / "b", "--seed", "1"))
    assert row["best FID"] == "90.00 (epoch 2, n = 1)" and row["last FID"] == "—"


def test_an_unfinished_run_and_another_device_are_not_averaged(tmp_path):
    folders = [
        record(tmp_path / "a"),
        record(tmp_path / "b", "--seed", "1", seconds=[8.0, 8.0], measures={2: {"frechet": 50.0}}, best=[2]),
        record(tmp_path / "c", "--seed", "2", seconds=[8.0, 8.0], measures={2: {"frechet": 60.0}}, best=[2]),
        record(tmp_path / "d", "--seed", "3", device="Tesla P100"),
    ]
    rows = cells_of(*folders)
    assert [row["epochs"] for row in rows] == ["4", "2 of 4 (unfinished)", "2 of 4 (unfinished)", "4"]
    assert [row["best FID"] for row in rows] == ["—", "50.00 (epoch 2)", "60.00 (epoch 2)", "—"]
    assert rows[3]["device"] == "Tesla P100"


def test_extractors_never_share_a_column(tmp_path):
    inception = record(tmp_path / "a", measures={4: {"frechet": 90.0, "kernel": 0.1}}, best=[4])
    small = DETAILS | {"extractor": "EfficientNet-Lite0"}
    label = "FD (EfficientNet-Lite0)"
    arguments = ["--feature_extractor", "efficientnet_lite0"]
    lite = record(tmp_path / "b", *arguments, measures={4: {"frechet": 300.0}}, best=[4], details=small)
    rows = cells_of(inception, lite)
    assert (rows[0]["best FID"], rows[0][f"best {label}"]) == ("90.00 (epoch 4)", "—")
    assert (rows[1]["best FID"], rows[1][f"best {label}"]) == ("—", "300.0 (epoch 4)")


def test_distances_come_first_and_scores_are_those_of_the_kept_epoch(tmp_path):
    measures = {2: {"psnr": 9.0, "frechet": 90.0}, 4: {"psnr": 12.0, "frechet": 95.0}}
    (row,) = cells_of(record(tmp_path / "a", measures=measures, best=[2]))
    assert list(row)[4:8] == ["best FID", "last FID", "PSNR at best", "last PSNR"]
    assert (row["PSNR at best"], row["last PSNR"]) == ("9.000 (epoch 2)", "12.00 (epoch 4)")


def test_a_moving_average_and_the_generator_as_trained_have_their_columns(tmp_path):
    values = {4: {"frechet": 90.0, "psnr": 12.0}}
    cells = cells_of(record(tmp_path / "a", measures=values, best=[4], unaveraged={4: {"frechet": 95.0, "psnr": 11.0}}))
    assert cells[0]["last FID"] == "90.00 (epoch 4)" and cells[0]["last FID without averaging"] == "95.00 (epoch 4)"
    assert cells[0]["last PSNR without averaging"] == "11.00 (epoch 4)"


def test_what_was_measured_on_stands_once_or_in_each_row(tmp_path):
    measures = {"measures": {4: {"frechet": 90.0}}, "best": [4]}
    text = "50 translations and 60 real images of val, 256×256, Inception"
    alike = [record(tmp_path / name, "--seed", name, **measures) for name in "12"]
    report = make_report([read_run(folder) for folder in alike])
    assert report.facts["measured on"] == text and "measured on" not in report.columns
    fewer = record(tmp_path / "3", "--evaluation_images", "20", **measures, details=DETAILS | {"fake_count": 20})
    rows = cells_of(*alike, fewer)
    assert [row["measured on"] for row in rows] == [text, text.replace("50", "20")]


def test_markdown_is_a_table_whatever_the_names_hold(tmp_path):
    folder = record(tmp_path / "a", "--easy_label", "a|b <script>", measures={4: {"frechet": 90.0}}, best=[4])
    text = as_markdown(make_report([read_run(folder)]))
    table = [line for line in text.splitlines() if line.startswith("|")]
    cells = {len(re.split(r"(?<!\\)\|", line)) for line in table}
    assert len(table) == 3 and len(cells) == 1 and "<script>" not in text
    assert "ngf" not in text and "n_epochs 3" in text and "\n| a\\|b &lt;script> | a |" in text


def test_rows_keep_the_order_of_the_runs(tmp_path):
    folders = [record(tmp_path / "a", *FOCAL), record(tmp_path / "b"), record(tmp_path / "c", *FOCAL, "--seed", "1")]
    assert [len(row.runs) for row in group([read_run(folder) for folder in folders])] == [2, 1]
