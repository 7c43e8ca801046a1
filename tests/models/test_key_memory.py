"""Negatives from earlier images: what is kept, what it costs, and that a run goes on with it."""

import math
from copy import deepcopy

import pytest
import torch

from cut.errors import UserError
from cut.losses.patchnce import Contrast, PatchNCE
from cut.models.key_memory import KeyMemory
from cut.options import train_options
from tests.models.test_cut import draws_for, random_batch, tiny


def same(images: int, patches: int = 5) -> list[torch.Tensor]:
    return [torch.ones(images, patches, 4) / 2, torch.ones(images, patches + 1, 9) / 3]


def test_the_latest_images_are_kept_and_the_first_step_has_none():
    memory, costs = KeyMemory(3), []
    for _ in range(3):
        costs.append(memory.loss(0, same(2), same(2), Contrast(), PatchNCE()).item())
    numbers = [(5, 6), (5 + 2 * 5, 6 + 2 * 6), (5 + 3 * 5, 6 + 3 * 6)]
    assert costs == pytest.approx([sum(map(math.log, taps)) / 2 for taps in numbers])
    assert [tuple(key.shape for key in image) for image in memory.images[0]] == [((5, 4), (6, 9))] * 3


def test_pairs_have_negatives_of_their_own():
    memory = KeyMemory(4)
    memory.loss(0, same(1), same(1), Contrast(), PatchNCE())
    other = memory.loss(1, same(1), same(1), Contrast(), PatchNCE())
    assert other.item() == pytest.approx((math.log(5) + math.log(6)) / 2) and len(memory.state()) == 2


def test_without_it_nothing_is_kept_or_saved():
    model, batch = tiny(), random_batch()
    model.step(batch, draws_for(model, batch))
    assert model.extra_state() == {} and model.contrast.memory.images == {}


@pytest.mark.parametrize("loss", ["ce", "focal"])
def test_a_step_goes_on_from_its_state(loss):
    words = ("--nce_memory", "2", "--nce_internal", "false", "--nce_loss", loss)
    first, second, batch = tiny(*words), tiny(*words), random_batch()
    nothing = first.step(batch, draws_for(first, batch))["NCE"]
    assert nothing.item() == 0  # no negatives yet
    second.networks.load_state_dict(first.networks.state_dict())
    for name, optimizer in first.optimizers.items():
        second.optimizers[name].load_state_dict(deepcopy(optimizer.state_dict()))
    second.load_extra_state(first.extra_state())
    one, two = (model.step(batch, draws_for(model, batch, seed=1)) for model in (first, second))
    assert one["NCE"].item() > 0 and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("broken", ["x", [["x"]], [[[torch.ones(2, 3, 4)]]]])
def test_a_broken_state_is_refused(broken):
    with pytest.raises(ValueError, match="something else than vectors"):
        KeyMemory(2).load(broken, torch.device("cpu"))


@pytest.mark.parametrize(
    "words",
    [["--nce_internal", "false"],
     ["--nce_internal", "false", "--nce_includes_all_negatives_from_minibatch", "true"]],
)  # fmt: skip
def test_no_negatives_at_all_are_refused(words):
    with pytest.raises(UserError, match="leaves no negatives"):
        train_options(["--dataroot", "x", *words])


@pytest.mark.parametrize("form", ["hdce", "monce"])
@pytest.mark.parametrize("words", [["--nce_memory", "4"], ["--nce_internal", "false", "--nce_memory", "4"]])
def test_forms_that_weigh_negatives_do_not_know_it(form, words):
    with pytest.raises(UserError, match=f"--nce_memory is for --nce_loss ce or focal, not {form}: leave it out"):
        train_options(["--dataroot", "x", "--nce_loss", form, *words])


@pytest.mark.parametrize("sampler", ["qs_global", "qs_local", "qs_local_global"])
def test_chosen_patches_are_kept_too(sampler):
    words = ("--nce_sampler", sampler, "--nce_layers", "0,2,4,6", "--num_patches", "4", "--nce_memory", "2")
    model, batch = tiny(*words), random_batch()
    first, second = (model.step(batch, draws_for(model, batch, seed=seed))["NCE"] for seed in (0, 1))
    assert torch.isfinite(first) and torch.isfinite(second)
    (key, *_), chosen = model.contrast.memory.images[0][0], model.contrast.memory.images[0][-1][3]
    assert len(model.contrast.memory.images[0]) == 2 and key.shape == chosen.shape
