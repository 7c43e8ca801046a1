"""The line fits every terminal, and nothing in it moves."""

import math
import re
from dataclasses import replace

import pytest

from cut.monitoring.status_line import Status, fitting_losses, measure_and_best, number, status_line
from cut.training.evaluation import Evaluation
from tests.monitoring.miniature import progress_at

CUT_LOSSES = {"G_GAN": 0.313, "D_real": 0.256, "D_fake": 0.201, "G": 1.234, "NCE": 3.456, "NCE_Y": 3.4}
INCEPTION = {"extractor": "Inception"}
LAST = Evaluation(350, 3500, 3500, {"frechet": 82.137}, details=INCEPTION)
BEST = Evaluation(135, 1350, 1350, {"frechet": 79.4}, details=INCEPTION)
FULL = Status(progress_at(3501), 5.123, 4800, CUT_LOSSES, LAST, BEST, "frechet", total_loss="G")


def line(status: Status, columns: int) -> str:
    before, bar, after = status_line(status, columns)
    return f"{before} |{'#' * bar}| {after}"


def test_at_120_columns():
    assert line(FULL, 120) == (
        "epoch 351/400 |#########| 1 h 20 min left, 5.12 images/s, FID 82.1 (best 79.4 @ 135), "
        "G_GAN 0.313 D_real 0.256 G 1.234"
    )


def test_at_80_columns_everything_asked_for_is_there():
    assert line(FULL, 80) == "351/400 |####| 1 h 20 min left, 5.12 img/s, FID 82.1 (best 79.4 @ 135), G 1.234"


def test_with_room_all_losses_are_there():
    assert line(FULL, 200).endswith("G_GAN 0.313 D_real 0.256 D_fake 0.201 G 1.234 NCE 3.456 NCE_Y 3.400")


@pytest.mark.parametrize("columns", range(46, 201))
def test_it_fits_with_the_last_column_free(columns):
    assert len(line(FULL, columns)) < columns


def test_losses_go_before_the_measure_and_the_measure_shrinks_before_the_last_loss():
    long = {"class_accuracy": 0.5123}
    status = replace(FULL, evaluation=Evaluation(350, 1, 1, long), best=Evaluation(135, 1, 1, long))
    status.best_metric = "class_accuracy"
    assert line(status, 80).endswith("class accuracy 0.512, G 1.234")
    assert line(status, 90).endswith("class accuracy 0.512 (best 0.512), G 1.234")
    assert line(status, 96).endswith("class accuracy 0.512 (best 0.512 @ 135), G 1.234")


@pytest.mark.parametrize("columns", [80, 120])
def test_nothing_moves_while_values_change(columns):
    widths = set()
    for at, factor in enumerate((1, 0.3, 7, 25)):
        losses = {name: factor * value * (-1) ** at for name, value in CUT_LOSSES.items()}
        changed = replace(FULL, progress=progress_at(10 + 900 * at), images_per_second=3 * factor, losses=losses)
        changed.seconds_left = 50 * 8**at
        widths.add(len(line(changed, columns)))
    assert len(widths) == 1


def test_before_the_second_step_and_the_first_measurement():
    assert line(Status(progress_at(0)), 80) == "  1/400 |####| "
    assert line(Status(progress_at(0), best_metric="frechet"), 80) == "  1/400 |####| "


def test_after_the_last_epoch_its_number_stays():
    over = replace(progress_at(4000), epoch=401, epoch_images=0)
    assert line(Status(over), 80).startswith("400/400 ")


def test_an_evaluation_under_way_is_said():
    assert line(replace(FULL, measuring=True, extractor="Inception"), 80).endswith(
        "5.12 img/s, measuring FID, G_GAN 0.313 G 1.234"
    )


def test_the_extractor_is_left_to_the_line_of_the_evaluation():
    details = {"extractor": "EfficientNet-Lite0"}
    last, best = (Evaluation(epoch, 1, 1, {"frechet": fd}, details=details) for epoch, fd in ((5, 82.137), (4, 79.4)))
    texts = measure_and_best(last, best, "frechet")
    assert texts == ["FD 82.1 (best 79.4 @ 4)", "FD 82.1 (best 79.4)", "FD 82.1"]


def test_the_best_is_not_said_twice():
    assert measure_and_best(BEST, BEST, "frechet") == ["FID 79.4 (best)", "FID 79.4"]


def test_a_measure_that_is_not_finite():
    assert measure_and_best(Evaluation(5, 1, 1, {"frechet": math.nan}, details=INCEPTION), None, "frechet") == [
        "FID nan"
    ]


@pytest.mark.parametrize(
    "value, text",
    [
        (0.31349, "0.313"), (9.9996, "10.00"), (12.345, "12.35"), (1234.5, "1234"), (99999.4, "99999"),
        (1e7, "1e+07"), (-0.313, "-0.31"), (0.0, "0.000"), (math.nan, "nan"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_a_number_keeps_to_its_width(value, text):
    assert number(value, 5) == text


def test_the_total_is_the_last_loss_to_go():
    texts = [re.sub(r" \S+ *", " ", fitting_losses(CUT_LOSSES, "G", room)).split() for room in (0, 7, 19, 32, 100)]
    assert texts == [[], ["G"], ["G_GAN", "G"], ["G_GAN", "D_real", "G"], list(CUT_LOSSES)]


def test_without_a_total_the_first_loss_is_kept_longest():
    assert line(replace(FULL, total_loss=""), 80).endswith("FID 82.1 (best 79.4), G_GAN 0.313")
    assert line(replace(FULL, total_loss="none of these"), 80).endswith("G_GAN 0.313")
    assert line(replace(FULL, losses={}), 80).endswith("(best 79.4 @ 135)")
