"""Query selection: numbers recorded from the published code, attention by hand, and who gets a gradient."""

import math

import numpy as np
import pytest
import torch

from cut.losses.patchnce import patch_nce
from cut.networks.heads import SampleHead
from cut.networks.query_selection import (
    FIRST_TAP,
    GlobalSelection,
    LocalGlobalSelection,
    LocalSelection,
    entropy,
    lowest,
    windows_at,
)
from tests.losses.recorded import RECORDED

SAMPLERS = {"global": GlobalSelection, "local": LocalSelection, "local_global": LocalGlobalSelection}
CASES = [("published", case) for case in RECORDED["qs"]]
CASES += [("intended", case) for case in RECORDED["qs_intended_windows"]["cases"]]
IDS = [f"{case['mode']} {windows} batch {case['batch']}" for windows, case in CASES]


def seeded_maps(case):
    """Query and key maps of a recorded case, with gradients."""
    rng, shape = np.random.default_rng(case["seed"]), (case["batch"], 8, case["size"], case["size"])
    key = (rng.standard_normal(shape) * 0.5).astype(np.float32)
    query = (key + 0.2 * rng.standard_normal(shape)).astype(np.float32)
    return torch.from_numpy(query).requires_grad_(), torch.from_numpy(key).requires_grad_()


def maps(images=1, channels=4, height=5, width=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(images, channels, height, width, generator=generator, dtype=torch.float64).requires_grad_()
        for _ in range(2)
    ]


@pytest.mark.parametrize(("windows", "case"), CASES, ids=IDS)
@pytest.mark.parametrize("replay", [True, False], ids=["replayed", "chosen"])
def test_recorded_values_gradients_and_positions(windows, case, replay):
    query, key = seeded_maps(case)
    sampler = SAMPLERS[case["mode"]](case["num_patches"], windows)
    recorded = torch.tensor(case["positions"])
    chosen = lowest(sampler.entropies(key.detach()), case["num_patches"])
    assert chosen.tolist() == recorded.tolist()
    of_query, of_key, places = sampler.of_tap(FIRST_TAP, query, key, recorded if replay else None)
    vectors = [SampleHead()([one], [places])[0] for one in (of_query, of_key)]
    loss = patch_nce(*vectors).mean()
    assert loss.item() == pytest.approx(case["loss"], rel=3e-6)
    for side, gradient in zip(("query", "key"), torch.autograd.grad(loss, [query, key]), strict=True):
        expected = case[f"{side}_map_grad"]
        found, norm = gradient.flatten().double(), expected["norm"]
        assert found.norm().item() == pytest.approx(norm, rel=3e-6)
        leading = expected["leading"]
        np.testing.assert_allclose(found[: len(leading)].numpy(), leading, rtol=0, atol=3e-6 * norm)
    if "query_row0" in case:
        torch.testing.assert_close(vectors[0][0, 0], torch.tensor(case["query_row0"]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("windows", "case"), CASES, ids=IDS)
def test_entropies_at_the_cut_also_some_rows_at_a_time(windows, case, monkeypatch):
    key, count = seeded_maps(case)[1].detach(), case["num_patches"]
    sampler = SAMPLERS[case["mode"]](count, windows)
    for at_once in (2**22, 5000, 1):
        monkeypatch.setattr("cut.networks.query_selection.NUMBERS_AT_ONCE", at_once)
        ordered = sampler.entropies(key).sort(dim=1).values
        cut = torch.tensor(case["entropy_at_cut"])
        torch.testing.assert_close(ordered[:, count - 1 : count + 1].T, cut, rtol=1e-5, atol=0)


@pytest.mark.parametrize("windows", ["intended", "published"])
@pytest.mark.parametrize("mode", SAMPLERS)
def test_the_gradient_is_that_of_the_values_and_reaches_the_key_through_the_attention(mode, windows):
    """Finite differences in both maps, of the query's vectors. The key's own vectors are targets without a gradient."""
    query, key = maps(images=2, channels=2, height=3, width=3)
    sampler, places = SAMPLERS[mode](2, windows), torch.tensor([[4, 0], [8, 5]])
    assert torch.autograd.gradcheck(lambda q, k: sampler.of_tap(FIRST_TAP, q, k, places)[0], [query, key])
    of_query, of_key, _ = sampler.of_tap(FIRST_TAP, query, key, places)
    assert torch.autograd.grad(of_query.sum(), key)[0].abs().max() > 1e-3 and not of_key.requires_grad


def test_global_attention_by_hand():
    """Two positions, 0 and x: the first attends to both alike, the second to itself with e^{x²}/(1 + e^{x²})."""
    key = torch.tensor([[[[0.0, 2.0]]]], dtype=torch.float64)
    sampler, share = GlobalSelection(2), math.exp(4) / (1 + math.exp(4))
    found = sampler.entropies(key)
    expected = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert found.tolist() == [pytest.approx([math.log(2), expected])]
    of_query, of_key, places = sampler.of_tap(FIRST_TAP, 10 * key, key, None)
    assert of_key.flatten().tolist() == pytest.approx([2 * share, 1]) and places.tolist() == [0, 1]
    assert of_query.flatten().tolist() == pytest.approx([20 * share, 10]), "the key's attention, the query's features"


def test_local_attention_is_among_the_cells_of_the_window():
    """On a map of 3×3, a window holds all 9 positions and 40 zeros."""
    query, key = maps(channels=3, height=3, width=3)
    sampler = LocalSelection(9)
    positions = torch.arange(9)[None]
    of_query = sampler.of_tap(FIRST_TAP, query, key, positions)[0][0, :, :, 0].T  # (9, C)
    x = key.detach()[0].flatten(1).T  # (9, C)
    scores = (x @ x.T).exp()
    attention = scores / (scores.sum(1, keepdim=True) + 40)
    torch.testing.assert_close(of_query.detach(), attention @ query.detach()[0].flatten(1).T)


def test_windows_are_zero_beyond_the_border():
    feature = torch.arange(1.0, 31).view(1, 1, 5, 6)
    corner, middle = windows_at(feature, torch.tensor([[0, 14]]))[0, :, 0].view(2, 7, 7)
    assert torch.equal(corner[3:, 3:], feature[0, 0, :4, :4]) and corner[:3].sum() == corner[:, :3].sum() == 0
    assert torch.equal(middle[1:6, 1:], feature[0, 0]) and middle[0].sum() == middle[6].sum() == middle[:, 0].sum() == 0


@pytest.mark.parametrize("mode", SAMPLERS)
def test_images_do_not_see_each_other(mode):
    query, key = maps(images=3)
    sampler = SAMPLERS[mode](7)
    together = sampler.of_tap(FIRST_TAP, query, key, None)
    for image in range(3):
        alone = sampler.of_tap(FIRST_TAP, query[image : image + 1], key[image : image + 1], None)
        for one, other in zip(together[:2], alone[:2], strict=True):
            torch.testing.assert_close(one[image], other[0])


def test_the_lowest_come_first_and_ties_in_their_order():
    assert lowest(torch.tensor([[3.0, 0, 2, 0, 1]]), 4).tolist() == [[1, 3, 4, 2]]
    assert entropy(torch.tensor([[1.0, 0], [0.5, 0.5]])).tolist() == pytest.approx([0, math.log(2)])


def test_earlier_taps_are_sampled_at_drawn_positions():
    query, key = maps()
    drawn = torch.tensor([3, 1])
    found = GlobalSelection(2).select([query] * 4, [key] * 4, [drawn, drawn, drawn, None])
    assert found[0][:3] == [query] * 3 and found[1][:3] == [key] * 3 and found[2][:3] == [drawn] * 3
    assert found[0][3].shape == (1, 4, 2, 1)
    with pytest.raises(ValueError, match="positions are missing"):
        GlobalSelection(2).of_tap(0, query, key, None)


def test_what_is_kept_for_the_backward_pass():
    shape = (256, 64, 64)
    assert GlobalSelection().bytes_kept(shape, 100) == LocalGlobalSelection().bytes_kept(shape, 100) == 100 * 64**2 * 4
    assert LocalSelection().bytes_kept(shape, 100) == 2 * 100 * 49 * 256 * 4
