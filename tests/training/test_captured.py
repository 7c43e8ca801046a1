"""Recorded steps, without a GPU: a recorder that writes down every operation of a step and does it again on the CPU."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from cut.data.batch import Batch
from cut.errors import UserError
from cut.options import train_options
from cut.registry import MODELS
from cut.training.captured import MOST, CapturedSteps, require_graphs
from cut.training.steps import step_generator
from cut.training.undo import Undo

TINY = "--dataroot x --netG resnet_4blocks --netD n_layers --n_layers_D 2 --ngf 4 --ndf 4 --load_size 32 --crop_size 32"


class Operations(TorchDispatchMode):
    """Writes down the operations of a block, with the tensors they read, as a CUDA graph does with kernels."""

    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.done.append((operation, args, kwargs or {}, result))
        return result


class RecordedOperations:
    """`Recorder` of the CPU: a tensor that an operation made stands for whatever it makes when it is done again."""

    def __init__(self):
        self.operations = Operations()

    def warm_up(self, run):
        run()

    def record(self, run):
        with self.operations:
            self.logs = run()
        self.shown = {name: value.clone() for name, value in self.logs.items()}
        return self.shown

    def replay(self):
        made = {}  # by the tensors of the recording

        def now(value):
            return made.get(id(value), value) if torch.is_tensor(value) else value

        with torch.no_grad():
            for operation, args, kwargs, result in self.operations.done:
                again = operation(*tree_map(now, args), **tree_map(now, kwargs))
                for old, new in zip(flat(result), flat(again), strict=True):
                    made[id(old)] = new
            for name, value in self.logs.items():
                self.shown[name].copy_(now(value))


def flat(result):
    found = []
    tree_map(lambda value: found.append(value) if torch.is_tensor(value) else None, result)
    return found


def method_of(words):
    options = train_options([*TINY.split(), "--batch_size", "2", *words.split()])
    return MODELS[options.run.model].factory(options)


def batch_of(step):
    generator = torch.Generator().manual_seed(step)
    return Batch(*(torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1 for _ in range(2)))


VARIANTS = {
    "cut": "--num_patches 16",
    "bf16": "--num_patches 16 --precision bf16",
    "fastcut": "--CUT_mode FastCUT --num_patches 16",
    "R1 every third step": "--num_patches 16 --lambda_R1 1 --R1_every 3 --normD group",
    "wgangp": "--num_patches 16 --gan_mode wgangp",
    "dropout": "--num_patches 16 --no_dropout false",
    "hdce": "--num_patches 16 --nce_loss hdce --use_curriculum",
    "monce": "--num_patches 16 --nce_loss monce",
    "qs_global": "--num_patches 16 --nce_sampler qs_global",
}


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("variant", VARIANTS)
def test_recorded_steps_are_the_steps(variant):
    """Five steps over two epochs, with falling rates: losses and weights of both to the last bit."""
    plain, recorded = method_of(VARIANTS[variant]), method_of(VARIANTS[variant])
    captured = CapturedSteps(recorded, Undo(recorded), RecordedOperations)
    for step in range(5):
        epoch = 1 + step // 3
        logs = []
        for method, take in ((plain, plain.train_step), (recorded, captured)):
            method.set_learning_rate(2.0 ** -(10 + step))  # the same number in 32 bits
            draws = method.draw_share(batch_of(step), step_generator(0, step), epoch, 2, step)
            logs.append(take(batch_of(step), draws))
        assert logs[0].keys() == logs[1].keys()
        assert all(torch.equal(logs[0][name], logs[1][name]) for name in logs[0]), (step, logs)
    pairs = zip(plain.networks.state_dict().values(), recorded.networks.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    for optimizer in recorded.optimizers.values():  # as it is saved
        assert all(isinstance(group["lr"], float) and not group["capturable"] for group in optimizer.param_groups)


def test_the_check_leaves_the_model_as_it_was():
    method = method_of("--num_patches 16")
    undo = Undo(method)
    captured = CapturedSteps(method, undo, RecordedOperations)
    before = [weight.clone() for weight in method.networks.parameters()]
    draws = method.draw_share(batch_of(0), step_generator(0, 0), 1, 2, 0)
    said, works = captured.check(batch_of(0), draws)
    assert works and said == "Steps are recorded as CUDA graphs; they give the same losses as without."
    assert all(map(torch.equal, before, method.networks.parameters())) and undo.exact


def test_what_the_check_recorded_trains_the_model():
    """With the moments that are saved: those that the recording knows."""
    plain, method = method_of("--num_patches 16"), method_of("--num_patches 16")
    captured = CapturedSteps(method, Undo(method), RecordedOperations)
    for step in range(3):
        draws = method.draw_share(batch_of(step), step_generator(0, step), 1, 2, step)
        if step == 0:
            captured.check(batch_of(step), draws)
        expected, logs = plain.train_step(batch_of(step), draws), captured(batch_of(step), draws)
        assert all(torch.equal(logs[name], expected[name]) for name in logs)
    for name, optimizer in plain.optimizers.items():
        moments = [state["exp_avg"] for state in method.optimizers[name].state_dict()["state"].values()]
        same = (state["exp_avg"] for state in optimizer.state_dict()["state"].values())
        assert moments and all(map(torch.equal, moments, same))


def test_a_recording_that_differs_is_said_and_not_used():
    class Forgetful(RecordedOperations):
        def replay(self):
            """Does nothing, so that the second step has the losses of the first."""

    method = method_of("--num_patches 16")
    draws = method.draw_share(batch_of(0), step_generator(0, 0), 1, 2, 0)
    said, works = CapturedSteps(method, Undo(method), Forgetful).check(batch_of(0), draws)
    assert not works and said.startswith("--cuda_graphs is off for this run: the loss ")


def test_a_recorder_that_fails_is_said():
    class Broken(RecordedOperations):
        def record(self, run):
            raise RuntimeError("operation not permitted when stream is capturing")

    method = method_of("--num_patches 16")
    draws = method.draw_share(batch_of(0), step_generator(0, 0), 1, 2, 0)
    said, works = CapturedSteps(method, Undo(method), Broken).check(batch_of(0), draws)
    assert not works
    assert said == "--cuda_graphs is off for this run: RuntimeError: operation not permitted when stream is capturing."


def test_only_so_many_kinds_are_kept():
    method = method_of("--num_patches 16 --nce_loss hdce --use_curriculum")
    captured = CapturedSteps(method, Undo(method), RecordedOperations)
    for epoch in range(1, MOST + 3):
        captured(batch_of(epoch), method.draw_share(batch_of(epoch), step_generator(0, epoch), epoch, 20, epoch))
    assert len(captured._recorded) == MOST


@pytest.mark.parametrize(
    ("words", "device", "sentence"),
    [
        ("", "cpu", "--cuda_graphs needs an NVIDIA GPU: leave it out on a CPU."),
        (
            "--model cycle_gan",
            "cuda",
            "--cuda_graphs is for --model cut and sincut: the steps of other methods differ.",
        ),
        ("--nce_memory 2", "cuda", "--cuda_graphs cannot record a memory that grows: leave it or --nce_memory out."),
    ],
)
def test_where_it_cannot_work_is_said_before_the_first_step(words, device, sentence):
    options = train_options(["--dataroot", "x", *words.split()])
    with pytest.raises(UserError) as caught:
        require_graphs(options, MODELS[options.run.model].factory, torch.device(device))
    assert str(caught.value) == sentence
