"""A step that fails is taken back, and copies are made as late as they can be."""

import copy

import pytest
import torch

from cut.data.batch import Batch
from cut.options import train_options
from cut.registry import MODELS
from cut.training.saved_state import TrainingState
from cut.training.stepping import Stepper
from cut.training.steps import step_generator
from cut.training.undo import Undo

TINY = "--dataroot x --netG resnet_4blocks --netD n_layers --n_layers_D 2 --ngf 4 --ndf 4 --load_size 32 --crop_size 32"


class Broken(Exception):
    pass


@pytest.fixture
def method():
    words = f"{TINY} --num_patches 16 --normG batch --spectral_norm --batch_size 2"
    method = MODELS["cut"].factory(train_options(words.split()))
    take(method, 0)
    return method


def take(method, step):
    batch = Batch(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    method.train_step(batch, method.draw_share(batch, step_generator(0, step), 1, 2, step))


def state_of(method):
    optimizers = {name: optimizer.state_dict()["state"] for name, optimizer in method.optimizers.items()}
    return copy.deepcopy([*method.networks.state_dict().values(), optimizers])


def assert_same(state, other):
    torch.testing.assert_close(state, other, rtol=0, atol=0)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("after", ["nothing", "D", "the step"])
def test_a_failed_step_is_taken_back(method, early, after, monkeypatch):
    undo, before = Undo(method), state_of(method)
    undo.early = early
    if after == "D":
        monkeypatch.setattr(method, "generator_loss", lambda *_: (_ for _ in ()).throw(Broken))
    with pytest.raises(Broken), undo.on_failure():
        if after != "nothing":
            take(method, 1)
        raise Broken
    assert undo.exact
    assert_same(state_of(method), before)


def test_the_first_step_too():
    method = MODELS["cut"].factory(train_options([*TINY.split(), "--num_patches", "16"]))
    undo, before = Undo(method), state_of(method)
    with undo.trial():
        take(method, 0)
    assert_same(state_of(method), before)
    assert all(not optimizer.state for optimizer in method.optimizers.values())


def test_a_step_that_works_stays(method):
    before = state_of(method)
    with Undo(method).on_failure():
        take(method, 1)
    with pytest.raises(AssertionError):
        assert_same(state_of(method), before)


def test_a_trial_inside_leaves_the_outer_block_whole(method):
    undo, before = Undo(method), state_of(method)
    with pytest.raises(Broken), undo.on_failure():
        take(method, 1)
        between = state_of(method)
        with undo.trial():
            take(method, 2)
        assert_same(state_of(method), between)
        take(method, 3)
        raise Broken
    assert_same(state_of(method), before)


def test_weights_are_copied_just_before_their_optimizer_steps(method):
    """While feature maps are in memory there is no copy of the large networks."""
    undo, copied = Undo(method), {}

    def numbers():
        (before,) = undo._open
        return sum(copy.numel() for copy in before.copies if copy.is_floating_point())

    loss = method.generator_loss
    method.generator_loss = lambda *arguments: copied.setdefault("in the step", numbers()) and None or loss(*arguments)
    with undo.on_failure():
        take(method, 1)
        copied["at its end"] = numbers()
    trained = {name: sum(weight.numel() for weight in method._weights(name)) for name in method.optimizers}
    assert 3 * trained["D"] <= copied["in the step"] < 4 * trained["D"] < copied["at its end"]
    assert copied["at its end"] >= 3 * sum(trained.values()) and not undo._open


def test_a_failure_of_the_averages_is_not_taken_for_an_exact_state(method, monkeypatch):
    options = train_options(TINY.split())
    stepper = Stepper(options, method, TrainingState(), print)
    batch = Batch(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    draws = method.draw_share(batch, step_generator(0, 0), 1, 2, 0)
    stepper.take(batch, draws)
    assert stepper.exact
    monkeypatch.setattr(method, "move_averages", lambda _: (_ for _ in ()).throw(Broken))
    with pytest.raises(Broken):
        stepper.take(batch, draws)
    assert not stepper.exact
