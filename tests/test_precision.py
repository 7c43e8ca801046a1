"""Precision and layout of a run: what is chosen, what is refused, and what a step in bfloat16 keeps in float32."""

import pytest
import torch

from cut.errors import UserError
from cut.models.method import Method
from cut.networks.layout import is_channels_last
from cut.options import train_options
from cut.precision import Arithmetic
from cut.registry import MODELS
from cut.training.steps import step_generator
from tests.methods import METHODS, words
from tests.models.test_cut import random_batch

TINY = "--dataroot x --netG resnet_4blocks --ngf 4 --ndf 4 --crop_size 32 --num_patches 8 --netF_nc 8 --gpu_ids -1"
DROPPING = ("pix2pix", "gc_gan_share", "gc_gan_cross", "gc_gan_mix")  # by default, which rounding would change
OF_METHODS = {
    name: " ".join(["--dataroot x --gpu_ids -1", *words(name, no_dropout=True if name in DROPPING else None)])
    for name in METHODS
}


def model(words: str) -> Method:
    options = train_options(words.split())
    return MODELS[options.run.model].factory(options)


def losses(method: Method) -> dict[str, float]:
    side, images = method.options.data.crop_size, 1 if method.options.run.model == "simdcl" else 2
    batch = random_batch(images, side, side)
    logs = method.train_step(batch, method.draw(batch, step_generator(0, 0), 1, 2, step=2))  # 2: DRIT trains all
    return {name: value.item() for name, value in logs.items()}


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize(
    ("precision", "layout", "chosen"),
    [
        ("float32", "auto", torch.contiguous_format),
        ("float32", "channels_last", torch.channels_last),
        ("bf16", "auto", torch.channels_last),
        ("bf16", "contiguous", torch.contiguous_format),
    ],
)
def test_the_layout_is_chosen_once(precision, layout, chosen):
    assert Arithmetic(precision, layout).layout == chosen
    said = Arithmetic(precision, layout).describe()
    assert precision in said and ("channels-last" in said) == (chosen == torch.channels_last)


def test_float32_is_channels_last_where_no_instance_norm_computes_and_networks_are_narrow():
    assert model(f"{TINY} --normG none --normD group").arithmetic.layout == torch.channels_last
    assert model(f"{TINY} --normG none").arithmetic.layout == torch.contiguous_format
    assert Arithmetic(instance_norm=False, width=32).layout == torch.channels_last
    assert Arithmetic(instance_norm=False, width=64).layout == torch.contiguous_format  # faster there


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("lacking", [False, True])
def test_a_run_in_bfloat16_says_where_that_is_slow(monkeypatch, lacking):
    monkeypatch.setattr("cut.precision._lacks_amx", lambda: lacking)
    assert ("--precision float32 is likely to be faster" in Arithmetic("bf16").describe()) == lacking
    assert "faster" not in Arithmetic("float32").describe()


def test_what_a_device_lacks_is_refused(monkeypatch):
    with pytest.raises(UserError, match="--precision tf32 is a precision of NVIDIA's GPUs"):
        Arithmetic("tf32")
    monkeypatch.setattr("cut.precision._has_bf16", lambda device: False)
    with pytest.raises(UserError, match="This CPU has no bfloat16: use --precision float32"):
        Arithmetic("bf16")


@pytest.mark.parametrize("name", sorted(OF_METHODS.keys() - {"hdce", "monce", "qs_local", "qs_local_global"}))  # as cut
def test_layouts_give_the_same_losses(name):
    first, second = (losses(model(f"{OF_METHODS[name]} --layout {one}")) for one in ("contiguous", "channels_last"))
    assert first == pytest.approx(second, rel=1e-4, abs=1e-5)


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize(
    "words",
    [
        *OF_METHODS.values(),
        f"{TINY} --lambda_R1 1",
        f"{TINY} --gan_mode wgangp",
        f"{TINY} --nce_loss focal --normG none --init_gain 1",
    ],
    ids=[*OF_METHODS, "R1", "wgangp", "focal"],
)
def test_a_step_in_bfloat16(words):
    """Losses are those of float32 but for the rounding; weights, gradients and moments stay in float32."""
    exact, rounded = model(words), model(f"{words} --precision bf16")
    assert losses(rounded) == pytest.approx(losses(exact), rel=0.05, abs=0.02)
    assert losses(rounded) != losses(exact)
    for name, parameter in rounded.networks.named_parameters():
        assert parameter.dtype == torch.float32, name
        assert parameter.grad is None or parameter.grad.dtype == torch.float32, name
    for optimizer in rounded.optimizers.values():
        assert {value.dtype for state in optimizer.state.values() for value in state.values()} == {torch.float32}


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("words", ["", "--no_dropout false", "--model dcl", "--model dcl --no_dropout false"])
def test_what_makes_keys_learns_in_bfloat16(words):
    """Keys are made without a graph: a cast that was kept from there would have no gradient."""
    method = model(f"{TINY} --precision bf16 {words}")
    losses(method)
    for name in method.networks.keys() & {"F", "F1", "F2"}:
        assert all(parameter.grad.abs().sum() > 0 for parameter in method.networks[name].parameters())
    for name in method.networks.keys() & {"G", "G_A", "G_B"}:
        assert method.networks[name].model[1].weight.grad.abs().sum() > 0


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("flips", ["false", "true"])
def test_no_map_of_a_step_changes_its_layout(flips):
    """Every layer's input and output, and their gradients, are channels-last: no copy from one layout to the other."""
    method, wrong = model(f"{TINY} --precision bf16 --flip_equivariance {flips}"), []

    def check(name: str, kind: str, tensor: torch.Tensor | None) -> None:
        if tensor is not None and tensor.dim() == 4 and min(tensor.shape[1:]) > 1 and not is_channels_last(tensor):
            wrong.append((name, kind, tuple(tensor.shape)))

    def watched(name: str):
        def hook(_, inputs, output) -> None:
            check(name, "input", inputs[0])
            check(name, "output", output)
            if output.requires_grad:
                output.register_hook(lambda gradient: check(name, "gradient", gradient))

        return hook

    for name, layer in method.networks.named_modules():
        if not list(layer.children()) and not name.startswith("F"):
            layer.register_forward_hook(watched(name))
            for parameter in layer.parameters():
                check(name, "weight", parameter)
    losses(method)
    assert not wrong


@pytest.mark.usefixtures("bfloat16")
def test_a_translation_in_bfloat16_is_float32_and_near():
    exact, rounded = model(TINY), model(f"{TINY} --precision bf16")
    source = random_batch(1).source
    near = rounded.translate(source)
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, exact.translate(source), rtol=0, atol=0.05)


def test_steps_and_pictures_take_images_from_anywhere():
    options = train_options(TINY.split())
    method, seen = MODELS["cut"].factory(options, "meta"), []

    def watch(batch, *_):
        seen.append(batch.source.device.type)
        return {"picture": torch.zeros(1, 3, 4, 4).bfloat16()}

    method.step = method.preview = watch
    method.train_step(random_batch(), None)
    assert method.pictures(random_batch())["picture"].dtype == torch.float32 and seen == ["meta", "meta"]
