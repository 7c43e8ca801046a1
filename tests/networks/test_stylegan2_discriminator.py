import pytest
import torch
import torch.nn.functional as F

from cut.errors import UserError
from cut.networks.stylegan2_discriminator import StyleGAN2Discriminator, TileStyleGAN2Discriminator
from cut.networks.weights import export_weights
from cut.registry import DISCRIMINATORS
from tests.reference_runs import ReferenceRun, fill


@pytest.fixture(scope="module")
def reference():
    return ReferenceRun.load("sincut")


@pytest.fixture
def discriminator(reference):
    discriminator = StyleGAN2Discriminator(3, ndf=1, load_size=1024, crop_size=64)
    fill(discriminator, reference.facts["weights"]["D"])  # checks names, shapes and order
    return discriminator


def test_losses_and_gradients_are_those_of_the_published_network(reference, discriminator):
    real = reference.batch().target.requires_grad_()
    fake = torch.from_numpy(reference.numbers["step0/fake_B"])
    logits = discriminator(real)
    (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    penalty = 0.5 * slope.square().sum((1, 2, 3)).mean()
    real_loss, fake_loss = F.softplus(-logits).mean(), F.softplus(discriminator(fake)).mean()
    (0.5 * (real_loss + fake_loss) + penalty).backward()

    recorded = reference.facts["losses"][0]
    assert real_loss.item() == pytest.approx(recorded["D_real"], rel=1e-5)
    assert fake_loss.item() == pytest.approx(recorded["D_fake"], rel=1e-5)
    assert penalty.item() == pytest.approx(recorded["D_R1"], rel=1e-4)
    for name, parameter in discriminator.named_parameters():
        norm, *leading = reference.numbers[f"grad/D/{name}"].tolist()
        assert parameter.grad.norm().item() == pytest.approx(norm, rel=1e-3), name
        ours = parameter.grad.flatten()[: len(leading)].tolist()
        assert ours == pytest.approx(leading, rel=1e-3, abs=1e-4 * norm), name


def test_exported_weights_hold_the_published_buffers(reference, discriminator):
    recipe = reference.facts["weights"]["D"]
    exported = [[name, list(value.shape)] for name, value in export_weights(discriminator).items()]
    assert sorted(exported) == sorted(recipe["parameters"] + recipe["buffers"])


def tile_discriminator(crop_size=32, tile=16):
    torch.manual_seed(0)
    return TileStyleGAN2Discriminator(3, ndf=1, crop_size=crop_size, D_patch_size=tile)


def test_each_tile_is_judged_on_its_own():
    discriminator = tile_discriminator()
    images = torch.rand(2, 3, 32, 32)
    logits = discriminator(images)
    assert logits.shape == (8, 1)
    tiles = [image[:, y : y + 16, x : x + 16] for image in images for y in (0, 16) for x in (0, 16)]
    alone = torch.cat([discriminator(tile[None]) for tile in tiles])
    torch.testing.assert_close(logits, alone)


def test_a_tile_does_not_see_the_others():
    discriminator = tile_discriminator()
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(image)[1].sum(), image)  # the upper right tile
    assert gradient[..., :16, 16:].all(), "it sees all of its own pixels"
    gradient[..., :16, 16:] = 0
    assert not gradient.any()


def test_a_tile_of_the_whole_crop_is_the_plain_discriminator():
    plain = StyleGAN2Discriminator(3, ndf=1, load_size=64, crop_size=16)
    tiled = tile_discriminator(crop_size=16, tile=16)
    tiled.load_state_dict(plain.state_dict())
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(plain(images), tiled(images))


@pytest.mark.parametrize("name", ("stylegan2", "tilestylegan2"))
def test_an_image_is_judged_without_regard_to_the_batch(name):
    sizes = {"load_size": 64, "crop_size": 32, "D_patch_size": 16}
    discriminator = DISCRIMINATORS.build(name, input_nc=3, ndf=1, **sizes).double()
    images = torch.rand(2, 3, 32, 32).double()
    assert discriminator.per_image
    separate = torch.cat([discriminator(images[:1]), discriminator(images[1:])])
    torch.testing.assert_close(discriminator(images), separate)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="16×16 pixels, not of 16×24"):
        StyleGAN2Discriminator(3, 1, 16, 16)(torch.rand(1, 3, 16, 24))
    with pytest.raises(ValueError, match="24×16 pixels cannot be cut"):
        tile_discriminator()(torch.rand(1, 3, 24, 16))


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("stylegan2", {"crop_size": 96}, "use --crop_size 128"),
        ("stylegan2", {"crop_size": 64, "load_size": 32}, "--load_size 32 is smaller"),
        ("stylegan2", {"crop_size": 512, "ndf": 1}, "--ndf 1"),
        ("stylegan2", {"crop_size": 2048, "load_size": 2048}, "not of 2048"),
        ("tilestylegan2", {"D_patch_size": 128}, "larger than --crop_size 64"),
        ("tilestylegan2", {"D_patch_size": 48}, "power of two"),
        ("tilestylegan2", {"crop_size": 96, "D_patch_size": 32}, "not a power of two times"),
        ("tilestylegan2", {"crop_size": 100, "D_patch_size": 32}, "not a power of two times"),
        ("tilestylegan2", {"D_patch_size": 0}, "power of two"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_a_sentence(name, sizes, message):
    with pytest.raises(UserError, match=message) as caught:
        DISCRIMINATORS.build(name, **{"input_nc": 3, "ndf": 8, "load_size": 1024, "crop_size": 64} | sizes)
    assert len(caught.value.problems) == 1


def test_default_and_thesis_sizes_are_accepted():
    assert StyleGAN2Discriminator.size_problems(ndf=8, load_size=1024, crop_size=64) == []
    assert TileStyleGAN2Discriminator.size_problems(ndf=8, crop_size=128, D_patch_size=64) == []


@pytest.mark.parametrize("name", ("stylegan2", "tilestylegan2"))
def test_runs_without_memory(name):
    with torch.device("meta"):
        discriminator = DISCRIMINATORS.build(name, input_nc=3, ndf=1, load_size=32, crop_size=32, D_patch_size=16)
        assert discriminator(torch.rand(2, 3, 32, 32)).shape[1:] == (1,)
