"""The adversarial part of a step: closed forms, R1 every few steps, augmentation on both sides, refusals."""

import pytest
import torch
from torch import nn

from cut.errors import UserError
from cut.models.adversary import Adversary
from cut.models.build import build_discriminator, build_generator
from cut.models.draws import StepDraws
from cut.options import train_options


class Linear(nn.Module):
    """D(x) = w · x for every image; its gradient is w."""

    per_image = True

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, image):
        return (image * self.weight).sum((1, 2, 3))


def adversary(*words):
    return Adversary(train_options(["--gan_mode", "lsgan", *words]))


def pictures():
    torch.manual_seed(0)
    return torch.rand(2, 2, 3, 4, 4).mul(2).sub(1)


def test_losses_by_their_definition():
    (fake, real), D = pictures(), Linear(torch.randn(3, 4, 4))
    loss, logs = adversary().discriminator_loss(D, fake, real, StepDraws())
    expected_real, expected_fake = (D(real) - 1).square().mean(), D(fake).square().mean()
    torch.testing.assert_close((logs["real"], logs["fake"]), (expected_real, expected_fake))
    torch.testing.assert_close(loss, (expected_real + expected_fake) / 2)
    assert set(logs) == {"real", "fake"}
    torch.testing.assert_close(adversary().generator_loss(D, fake), (D(fake) - 1).square().mean())


def test_r1_comes_every_few_steps_and_is_stronger_by_as_much():
    """Over any four steps the weight of the penalty is that of a penalty in every step."""
    (fake, real), weight = pictures(), torch.randn(3, 4, 4)
    D, penalty = Linear(weight), 0.5 * weight.square().sum().item()
    lazy, eager = adversary("--lambda_R1", "2", "--R1_every", "4"), adversary("--lambda_R1", "2")
    added = []
    for step in range(8):
        loss, logs = lazy.discriminator_loss(D, fake, real, StepDraws(step=step))
        added.append((loss - (logs["real"] + logs["fake"]) / 2).item())
        assert ("R1" in logs) == (step in (3, 7))
        if "R1" in logs:
            assert logs["R1"].item() == pytest.approx(2 * penalty, rel=1e-5)
        assert eager.discriminator_loss(D, fake, real, StepDraws(step=step))[1]["R1"].item() > 0
    assert sum(added[:4]) == pytest.approx(8 * penalty, rel=1e-4) and added[3] == pytest.approx(added[7], rel=1e-5)


def test_both_kinds_of_images_are_augmented_each_time_and_the_generator_gets_gradients_through_it():
    fake, real = pictures()
    seen = []

    class Recording(Linear):
        def forward(self, image):
            seen.append(image.detach())
            return super().forward(image)

    D = Recording(torch.ones(3, 4, 4))
    judged = adversary("--diffaugment", "color,translation,cutout")
    judged.discriminator_loss(D, fake, real, StepDraws())
    fake.requires_grad_()
    judged.generator_loss(D, fake).backward()
    shown_fake, shown_real = seen[0].chunk(2)
    assert not torch.equal(shown_fake, fake) and not torch.equal(shown_real, real)
    assert not torch.equal(seen[1], shown_fake)
    assert fake.grad.abs().sum() > 0


def test_no_gradient_reaches_the_generator_while_the_discriminator_learns():
    (fake, real), D = pictures(), Linear(torch.ones(3, 4, 4))
    fake.requires_grad_()
    adversary("--lambda_R1", "1").discriminator_loss(D, fake, real, StepDraws())[0].backward()
    assert fake.grad is None and real.grad is None and D.weight.grad is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lambda_R1", "1", "--gan_mode", "wgangp"], "use --lambda_R1 0 or another GAN loss"),
        (["--model", "sincut", "--gan_mode", "wgangp"], "use --lambda_R1 0 or another GAN loss"),
        (
            ["--diffaugment", "colour"],
            r"none, or different words out of color, translation, cutout .*did you mean color",
        ),
        (["--diffaugment", "color,color"], "none, or different words"),
        (["--ema_decay", "1"], "--ema_decay is 1.0 but must be at least 0"),
    ],
)
def test_what_does_not_go_together_is_refused(words, sentence):
    with pytest.raises(UserError, match=sentence):
        train_options(words)


def test_batch_norm_wants_a_batch(tmp_path):
    words = ["--dataroot", str(tmp_path), "--normG", "batch"]
    with pytest.raises(UserError, match="--batch_size is 1: use --batch_size 2 or more"):
        train_options(words, to_run=True)
    assert train_options([*words, "--batch_size", "2"], to_run=True).networks.normG == "batch"


@pytest.mark.parametrize(
    ("build", "words", "sentence"),
    [
        (build_discriminator, ["--netD", "stylegan2", "--spectral_norm"], "--spectral_norm is for"),
        (build_discriminator, ["--netD", "stylegan2", "--normD", "layer"], "--netD stylegan2 has no choice of norm"),
        (build_generator, ["--netG", "stylegan2", "--normG", "group"], "leave out --normG group"),
    ],
)
def test_networks_refuse_what_they_would_ignore(build, words, sentence):
    with pytest.raises(UserError, match=sentence):
        build(train_options(["--crop_size", "32", "--load_size", "32", "--ngf", "4", "--ndf", "4", *words]))
