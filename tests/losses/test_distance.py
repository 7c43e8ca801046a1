"""Distances of images in closed form, and the statistics of recorded data sets."""

import numpy as np
import pytest
import torch

from cut.losses import distance
from cut.losses.distance import Spread, batch_distances, distance_loss, half_distance, pair_distances
from tests.reference_runs import ReferenceRun


def flat(*levels):
    """One uniform image (3, 4, 6) for each level."""
    return torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 3, 4, 6)


def test_pairs_of_a_batch_in_order():
    assert pair_distances(flat(0.0, 1.0, 3.0)).tolist() == [1, 3, 2]


def test_halves_are_top_and_bottom_over_the_whole_batch():
    image = flat(0.0, 0.0).clone()
    image[0, :, 2:] = 1  # the bottom of the first image; the second is uniform
    assert half_distance(image).tolist() == [0.5]
    odd = torch.cat([image[:, :, :2], flat(9.0, 9.0)[:, :, :1], image[:, :, 2:]], 2)
    assert half_distance(odd).tolist() == [0.5]


@pytest.mark.parametrize("piece", [7, 4096])
def test_distances_of_batches_do_not_depend_on_how_they_are_cut(piece, monkeypatch):
    monkeypatch.setattr(distance, "PIECE", piece)
    batches = list(torch.rand(4, 2, 3, 5, 5))
    expected = [(batches[i] - batches[j]).abs().mean() for i in range(4) for j in range(i + 1, 4)]
    torch.testing.assert_close(batch_distances(batches), torch.stack(expected).double(), rtol=1e-6, atol=0)


def test_the_deviation_is_that_of_the_population():
    spread = Spread.of(torch.tensor([1.0, 3.0]))
    assert (spread.mean, spread.deviation) == (2, 1)
    assert spread.normalise(torch.tensor([4.0])).tolist() == [2]


def test_the_loss_compares_normalised_distances():
    source, translation = torch.tensor([1.0, 3.0]), torch.tensor([10.0, 50.0])
    assert distance_loss(source, translation, Spread(1, 2), Spread(10, 20)).item() == (0 + abs(1 - 2)) / 2
    assert distance_loss(source, source, Spread(), Spread()).item() == 0


def test_gradients_are_those_of_finite_differences():
    source = torch.rand(3, 1, 4, 2, dtype=torch.float64)

    def loss(of):
        return lambda image: distance_loss(of(source), of(image), Spread(0.1, 0.2), Spread(0.3, 0.4))

    image = torch.rand(3, 1, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss(pair_distances), (image,))
    assert torch.autograd.gradcheck(loss(half_distance), (image,))


@pytest.mark.parametrize("name", ["distancegan", "selfdistance"])
def test_statistics_of_recorded_data_sets(name):
    run = ReferenceRun.load(name)
    recorded = run.facts["statistics"]
    for letter in "AB":
        batches = recorded_batches(recorded[f"batches_{letter}"], run.options["batch_size"])
        halves = run.options["use_self_distance"]
        spread = Spread.of(torch.cat([half_distance(one) for one in batches]) if halves else batch_distances(batches))
        assert spread.mean == pytest.approx(recorded[f"expectation_{letter}"], rel=1e-6)
        assert spread.deviation == pytest.approx(recorded[f"std_{letter}"], rel=1e-5)


def recorded_batches(recipe, size):
    rng = np.random.default_rng(recipe["seed"])
    images = rng.uniform(-1, 1, (recipe["batches"], size, 3, 64, 64))
    contrast = rng.uniform(0.2, 1, (recipe["batches"], size, 1, 1, 1))
    return list(torch.from_numpy((images * contrast).astype(np.float32)))
