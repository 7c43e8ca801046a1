"""What SinCUT adds to CUT, and its networks under either model."""

import math
from dataclasses import replace

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.options import train_options
from cut.registry import MODELS
from tests.models.test_cut import directional_check, draws_for, random_batch

SMALL = ["--dataroot", "x", "--ngf", "1", "--ndf", "1", "--netF_nc", "8", "--crop_size", "32", "--load_size", "32"]


def small(*arguments: str, model: str = "sincut", **build):
    options = train_options([*SMALL, "--model", model, *arguments])
    return MODELS[model].factory(options, **build)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("size", [1, 2])
def test_discriminator_loss_with_r1_has_the_gradient_of_its_values(size, layout):
    model = small("--lambda_R1", "3", dtype=torch.float64)
    batch = random_batch(size, dtype=torch.float64)
    batch = Batch(batch.source.to(memory_format=layout), batch.target.to(memory_format=layout))
    draws = draws_for(model, batch)
    with torch.no_grad():
        translated = model.translate_batch(batch, draws)
    analytic, numeric = directional_check(
        lambda: model.discriminator_loss(batch, translated, draws)[0], model.D.parameters()
    )
    assert analytic == pytest.approx(numeric, rel=1e-4)


def test_the_parts_add_up_to_the_logged_losses():
    model = small("--lambda_GAN", "2", "--lambda_identity", "5")
    batch = random_batch(4)
    logs = model.step(batch, draws_for(model, batch))
    assert list(logs) == ["G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y", "D_R1", "idt"]
    parts = logs["G_GAN"] + (logs["NCE"] + logs["NCE_Y"]) / 2 + logs["idt"]
    assert logs["G"].item() == pytest.approx(parts.item(), rel=1e-6)


def test_it_is_cut_with_other_settings():
    """The step is CUT's on the same networks, bit for bit."""
    sincut = small()
    cut = MODELS["cut"].factory(train_options(["--dataroot", "x"]).replace(**sincut.options.flat() | {"model": "cut"}))
    cut.networks.load_state_dict(sincut.networks.state_dict())
    batch = random_batch(3)
    draws = draws_for(cut, batch)
    first, second = sincut.step(batch, draws), cut.step(batch, draws)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_pixel_identity_of_a_flipped_step_compares_flipped_with_flipped():
    model, batch = small("--flip_equivariance", "true", "--lambda_identity", "1"), random_batch(2)
    model.G.forward = lambda images: images  # then G(target) is the target, whether or not it is flipped
    draws = replace(draws_for(model, batch), flip=True)
    translated = model.translate_batch(batch, draws)
    model.contrastive_loss = lambda *_: (torch.zeros(()), {})
    _, logs = model.generator_loss(batch, translated, draws)
    assert logs["idt"].item() == 0


def test_pixel_identity_works_without_nce_identity():
    model, batch = small("--nce_idt", "false"), random_batch(2)
    logs = model.step(batch, draws_for(model, batch))
    assert "idt" in logs and "NCE_Y" not in logs


@pytest.mark.parametrize("model", ["cut", "sincut"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["--netG", "stylegan2", "--netD", "stylegan2"],
        ["--netG", "smallstylegan2", "--netD", "basic"],
        [
            "--netG",
            "stylegan2",
            "--stylegan2_G_num_downsampling",
            "2",
            "--netD",
            "tilestylegan2",
            "--D_patch_size",
            "16",
        ],
        ["--netG", "resnet_4blocks", "--netD", "tilestylegan2", "--D_patch_size", "32", "--gan_mode", "hinge"],
    ],
    ids=" ".join,
)
def test_networks_and_models_go_together(model, arguments):
    built = small(*arguments, "--nce_layers", "0,2,3", model=model)
    batch = random_batch(2)
    for seed in range(2):
        logs = built.step(batch, draws_for(built, batch, seed))
        assert all(math.isfinite(value) for value in logs.values())


@pytest.mark.parametrize("arguments", [[], ["--netD", "tilestylegan2", "--D_patch_size", "16"]])
def test_a_whole_step_runs_on_the_meta_device(arguments):
    model = small(*arguments, device="meta")
    batch = random_batch(2).map(lambda images: images.to("meta"))
    assert {value.device.type for value in model.step(batch, draws_for(model, batch)).values()} == {"meta"}


def test_a_step_with_noise_is_a_function_of_its_draws():
    batch = random_batch(2)
    pictures = []
    for _ in range(2):
        model = small()
        with torch.no_grad():
            for name, parameter in model.G.named_parameters():
                if name.endswith("noise.weight"):
                    parameter.fill_(1.0)
        logs = model.step(batch, draws_for(model, batch, 3))
        pictures.append(logs["idt"])
        torch.rand(5)  # whatever the global generator did before
    assert torch.equal(*pictures)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--crop_size", "48", "--load_size", "1024"], "power of two"),
        (["--netD", "tilestylegan2", "--D_patch_size", "64"], "larger than --crop_size 32"),
        (["--netD", "tilestylegan2", "--D_patch_size", "16", "--crop_size", "48"], "--D_patch_size 16"),
        (["--nce_layers", "0,2,9"], "tap 9"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        small(*arguments)
