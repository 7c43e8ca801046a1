"""Improved precision and recall, by closed forms."""

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.features.feature_set import FeatureSet
from cut.evaluation.measures.precision_recall import precision, recall


def features(values) -> FeatureSet:
    return FeatureSet("Inception", np.asarray(values, np.float32).reshape(len(values), -1))


def test_equal_sets_cover_each_other_and_distant_ones_do_not():
    rng = np.random.default_rng(0)
    one = rng.standard_normal((1500, 6))
    assert precision(features(one), features(one)) == recall(features(one), features(one)) == 1
    assert precision(features(one), features(one + 100)) == recall(features(one), features(one + 100)) == 0


def test_the_third_neighbour_is_the_radius():
    """Real images at 0, 1, 2, 3: the radii are 3, 2, 2, 3, so that −3 … 6 is covered."""
    real = features([0, 1, 2, 3])
    assert precision(real, features([-3, -3.1, 6, 6.1])) == 0.5
    assert recall(real, features([1, 2, 2.5, 3])) == 1


def test_a_translator_that_knows_one_image_is_precise_and_recalls_little():
    rng = np.random.default_rng(1)
    real = rng.standard_normal((200, 3))
    fake = real[:1] + 1e-3 * rng.standard_normal((200, 3))
    assert precision(features(real), features(fake)) == 1 and recall(features(real), features(fake)) < 0.05


def test_it_needs_features_of_enough_images():
    with pytest.raises(UserError, match="more than 3 images on each side, not 3"):
        precision(features([1, 2, 3]), features([1, 2, 3, 4]))
    statistics = FeatureSet("Inception", None, statistics=(np.zeros(1), np.zeros((1, 1))))
    assert precision(features([1, 2, 3, 4]), statistics) is None
