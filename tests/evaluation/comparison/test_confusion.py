"""Scores worked out by hand, and what must not change them."""

import numpy as np
import pytest

from cut.evaluation.comparison.confusion import Confusion


def confusion_of(true, predicted, classes="abc"):
    confusion = Confusion(tuple(classes))
    confusion.add(np.array(true), np.array(predicted))
    return confusion


def scores_of(*arguments, **keywords):
    return confusion_of(*arguments, **keywords).scores()


def expected(pixel, by_class, iou):
    return pytest.approx({"pixel_accuracy": pixel, "class_accuracy": by_class, "mean_iou": iou}, rel=1e-12)


def test_all_right():
    assert scores_of([[0, 1], [2, 1]], [[0, 1], [2, 1]]) == expected(1, 1, 1)


def test_all_wrong():
    assert scores_of([0, 1], [1, 0], classes="ab") == expected(0, 0, 0)


def test_by_hand():
    """a: 3 of 4 right, one b taken for it; b: 1 of 2 right, one a taken for it."""
    confusion = confusion_of([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0], classes="ab")
    np.testing.assert_array_equal(confusion.matrix, [[3, 1, 0], [1, 1, 0]])
    assert confusion.scores() == expected(4 / 6, (3 / 4 + 1 / 2) / 2, (3 / 5 + 1 / 3) / 2)
    assert confusion.by_class() == {
        "a": {"pixels": 4, "accuracy": 3 / 4, "IoU": 3 / 5},
        "b": {"pixels": 2, "accuracy": 1 / 2, "IoU": 1 / 3},
    }


def test_a_class_that_is_nowhere_is_left_out():
    assert scores_of([0, 0, 1, 1], [0, 1, 1, 1]) == expected(3 / 4, (1 / 2 + 1) / 2, (1 / 2 + 2 / 3) / 2)


def test_a_class_that_is_only_predicted_has_no_accuracy_but_an_iou_of_zero():
    confusion = confusion_of([0, 0, 0, 0], [0, 0, 0, 2])
    assert confusion.scores() == expected(3 / 4, 3 / 4, (3 / 4 + 0) / 2)
    assert confusion.by_class()["b"] == {"pixels": 0, "accuracy": None, "IoU": None}
    assert confusion.by_class()["c"] == {"pixels": 0, "accuracy": None, "IoU": 0.0}


def test_void_of_the_truth_is_not_counted_and_predicted_void_is_wrong():
    confusion = confusion_of([-1, -1, 0, 0], [0, -1, 0, -1])
    assert confusion.pixels == 2
    assert confusion.scores() == expected(1 / 2, 1 / 2, 1 / 2)


def test_nothing_counted_is_nothing_measured():
    assert Confusion("ab").scores() == {}
    assert scores_of([-1, -1], [0, 1]) == {}


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    true = rng.integers(-1, 5, (6, 8, 9))
    return true, np.where(rng.random(true.shape) < 0.6, true, rng.integers(-1, 5, true.shape))


def test_order_and_batching_change_nothing(images):
    together = confusion_of(*images, classes="abcde")
    one_by_one = Confusion("abcde")
    for index in np.random.default_rng(1).permutation(len(images[0])):
        one_by_one.add(images[0][index], images[1][index])
    np.testing.assert_array_equal(one_by_one.matrix, together.matrix)
    assert one_by_one.scores() == together.scores()


def test_the_numbering_of_classes_changes_nothing(images):
    numbers = np.array([3, 0, 4, 1, 2, -1])  # the last for void, −1
    renumbered = scores_of(numbers[images[0]], numbers[images[1]], classes="abcde")
    assert renumbered == pytest.approx(scores_of(*images, classes="abcde"), rel=1e-12)


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="shape"):
        confusion_of([0, 1], [0])
    for true, predicted in (([0, 3], [0, 0]), ([0, 0], [0, 3])):
        with pytest.raises(ValueError, match="above 2"):
            confusion_of(true, predicted)


def test_scores_are_plain_floats():
    assert {type(score) for score in scores_of([0, 1], [0, 1]).values()} == {float}
