"""torch.compile, checked against a step without it."""

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.networks.patchgan import PatchDiscriminator
from cut.options import train_options
from cut.registry import MODELS
from cut.training import compiled
from cut.training.compiled import compile_checked, require_compiler
from cut.training.saved_state import TrainingState
from cut.training.stepping import Stepper
from cut.training.steps import step_generator
from cut.training.undo import Undo
from tests.methods import words

TINY = "--dataroot x --netG resnet_4blocks --netD n_layers --n_layers_D 2 --ngf 4 --ndf 4 --load_size 32 --crop_size 32"


@pytest.fixture
def method():
    options = train_options([*TINY.split(), "--num_patches", "16", "--compile"])
    return MODELS["cut"].factory(options)


def checked(method) -> tuple[str, bool]:
    """What is said, and whether the method is as before."""
    torch.manual_seed(0)
    batch = Batch(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    before = [weight.clone() for weight in method.networks.parameters()]
    said = compile_checked(method, Undo(method), batch, [method.draw_share(batch, step_generator(0, 0), 1, 2, 0)])
    same = all(map(torch.equal, before, method.networks.parameters()))
    return said, same and not any(optimizer.state for optimizer in method.optimizers.values())


def is_compiled(method) -> bool:
    return any(layer._compiled_call_impl is not None for layer in method.networks.modules())


@pytest.fixture
def no_compiler(monkeypatch):
    """Compiles to what runs without; the real compiler takes a minute."""
    original = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: original(module, backend="eager"))


def test_equal_losses_keep_it(method, no_compiler):
    said, same = checked(method)
    assert said == "5 parts of the networks are compiled; a step gives the same losses as without." and same
    assert is_compiled(method)


def test_other_losses_switch_it_off(method, monkeypatch):
    def miscompile(module):
        module._compiled_call_impl = lambda images: module.forward(images) + isinstance(module, PatchDiscriminator)

    monkeypatch.setattr(torch.nn.Module, "compile", miscompile)
    said, same = checked(method)
    assert said.startswith("--compile is off for this run: the loss ") and same and not is_compiled(method)


def test_a_compiler_that_fails_switches_it_off(method, monkeypatch):
    def fail(module):
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(torch.nn.Module, "compile", fail)
    said, same = checked(method)
    assert said == "--compile is off for this run: RuntimeError: no such instruction." and same


def test_no_compiler_is_said_before_the_first_step(monkeypatch):
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"--compile needs a C\+\+ compiler"):
        require_compiler(torch.device("cpu"))
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs the package triton"):
        require_compiler(torch.device("cuda"))


def test_the_check_takes_a_step_of_every_kind():
    """DRIT trains its content discriminator alone in two of three steps."""
    options = train_options(["--dataroot", "x", *words("drit")])
    method, batch = MODELS["drit"].factory(options), Batch(torch.zeros(2, 3, 216, 216), torch.zeros(2, 3, 216, 216))
    stepper = Stepper(options, method, TrainingState(step=4), print)
    draws = method.draw_share(batch, step_generator(0, 4), 1, 2, 4)
    kinds = stepper._kinds(batch, draws)
    assert [(one.step, one.content_only) for one in kinds] == [(4, True), (5, False), (6, True)]
