import pytest
import torch

from cut.errors import UserError
from cut.networks.stylegan2_generator import SmallStyleGAN2Generator, StyleGAN2Generator
from cut.networks.weights import export_weights
from cut.registry import GENERATORS
from tests.reference_runs import ReferenceRun, fill


def small_generator(kind=StyleGAN2Generator, downsampling=1, noise=0.0, ngf=1):
    torch.manual_seed(0)
    generator = kind(3, 3, ngf, load_size=128, crop_size=64, stylegan2_G_num_downsampling=downsampling)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise.weight"):
            parameter.data.fill_(noise)
    return generator


@pytest.fixture(scope="module")
def reference():
    return ReferenceRun.load("sincut")


@pytest.fixture
def generator(reference):
    generator = StyleGAN2Generator(3, 3, ngf=2, load_size=1024, crop_size=64)
    fill(generator, reference.facts["weights"]["G"])  # checks names, shapes and order
    return generator


def test_images_are_those_of_the_published_network(reference, generator):
    batch = reference.batch()
    with torch.no_grad():
        translated, same = generator(torch.cat([batch.source, batch.target])).chunk(2)
    torch.testing.assert_close(translated, torch.from_numpy(reference.numbers["step0/fake_B"]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(same, torch.from_numpy(reference.numbers["step0/idt_B"]), rtol=1e-4, atol=1e-4)


def test_exported_weights_hold_the_published_buffers(reference, generator):
    exported = export_weights(generator)
    recipe = reference.facts["weights"]["G"]
    assert sorted([name, list(value.shape)] for name, value in exported.items()) == sorted(
        recipe["parameters"] + recipe["buffers"]
    )
    assert exported["encoder.convs.2.skip.0.kernel"].sum() == 1
    assert exported["decoder.convs.3.conv.blur.kernel"].sum() == 4


@pytest.mark.parametrize("kind", (StyleGAN2Generator, SmallStyleGAN2Generator))
@pytest.mark.parametrize("downsampling", (1, 2))
def test_size_comes_back_and_taps_have_the_expected_shapes(kind, downsampling):
    generator = small_generator(kind, downsampling)
    image = torch.rand(2, 3, 24, 16)
    depth = len(generator.encoder.convs)
    assert depth == 2 + downsampling + kind.num_blocks
    translated, taps = generator.forward_with_features(image, range(depth))
    assert translated.shape == image.shape
    for tap, features in enumerate(taps):
        halvings = min(max(tap - 1, 0), downsampling)
        assert features.shape[-2:] == (24 // 2**halvings, 16 // 2**halvings)


def test_features_are_returned_in_the_order_asked_for_and_hold_when_used_later():
    generator = small_generator(noise=1.0)
    image = torch.rand(2, 3, 16, 16)
    in_order = generator.encode(image, [0, 2, 4])
    shuffled = generator.encode(image, [4, 0, 2, 2])
    torch.manual_seed(1)
    translated, taps = generator.forward_with_features(image, [4, 0, 2, 2])
    for features, again, expected in zip(shuffled, taps, [in_order[index] for index in (2, 0, 1, 1)], strict=True):
        assert torch.equal(features, expected) and torch.equal(again, expected)
    torch.manual_seed(1)
    assert torch.equal(generator(image), translated)
    assert torch.equal(in_order[0], image) and generator.encoder_is_exact


def test_encoder_stops_at_the_last_tap():
    generator = small_generator()
    calls = []
    generator.encoder.convs[3].register_forward_hook(lambda *_: calls.append(3))
    generator.encode(torch.rand(1, 3, 8, 8), [2, 0])
    assert not calls


@pytest.mark.parametrize("tap", (6, -1))
def test_unknown_tap_is_refused_by_its_number(tap):
    with pytest.raises(UserError, match=f"tap {tap}.*0 to 5"):
        small_generator().encode(torch.rand(1, 3, 8, 8), [0, tap])


@pytest.mark.parametrize("kind", (StyleGAN2Generator, SmallStyleGAN2Generator))
@pytest.mark.parametrize("downsampling", (1, 2))
def test_context_is_how_far_an_output_pixel_looks(kind, downsampling):
    generator = small_generator(kind, downsampling).double()
    context, multiple = generator.context, generator.size_multiple
    assert context % multiple == 0
    side = 2 * context + 4 * multiple
    reach = 0
    for at in range(side // 2, side // 2 + multiple):  # every phase of the grid
        image = torch.zeros(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(generator(image)[0, :, at, at].sum(), image)
        seen = gradient[0].abs().sum(0).sum(0).nonzero()
        reach = max(reach, at - int(seen.min()), int(seen.max()) - at)
    assert context - multiple < reach <= context


@pytest.mark.parametrize("downsampling", (1, 2))
def test_a_tile_with_its_context_equals_the_whole_picture_noise_included(downsampling):
    generator = small_generator(downsampling=downsampling, noise=0.5)
    context = generator.context
    picture = torch.rand(1, 3, 3 * context, 2 * context + 40)
    top, left = 16, 20
    tile = picture[..., top : top + 2 * context + 8, left : left + 2 * context + 8]
    with torch.no_grad():
        whole = generator(picture, generator.noise_at(picture, seed=3))
        part = generator(tile, generator.noise_at(tile, seed=3, corners=[(top, left)]))
        other = generator(tile, generator.noise_at(tile, seed=4, corners=[(top, left)]))
    inside = (..., slice(context, context + 8), slice(context, context + 8))
    expected = whole[..., top + context : top + context + 8, left + context : left + context + 8]
    torch.testing.assert_close(part[inside], expected, rtol=1e-4, atol=1e-5)
    assert (other[inside] - expected).abs().max() > 0.01


def test_noise_is_drawn_anew_unless_it_is_handed_in():
    generator = small_generator(noise=1.0)
    image = torch.rand(2, 3, 16, 8)
    torch.manual_seed(5)
    drawn = generator(image)
    assert not torch.equal(generator(image), drawn)
    torch.manual_seed(5)
    assert torch.equal(generator(image, [torch.randn(2, 1, 16, 8)]), drawn)
    with pytest.raises(ValueError, match="1 maps of noise, not 2"):
        generator(image, [torch.randn(2, 1, 16, 8)] * 2)
    with pytest.raises(ValueError, match="multiples of 2"):
        generator.noise_at(image, 0, [(0, 0), (3, 0)])


def test_noise_maps_follow_the_resolutions_and_the_small_generator_has_none():
    generator = small_generator(downsampling=2)
    maps = generator.noise_at(torch.rand(2, 3, 16, 8).double(), seed=0, corners=[(0, 0), (4, 8)])
    assert [tuple(noise.shape) for noise in maps] == [(2, 1, 8, 4), (2, 1, 16, 8)] and maps[0].dtype == torch.float64
    small = small_generator(SmallStyleGAN2Generator)
    assert small.noise_at(torch.rand(1, 3, 8, 8), seed=0) == []
    assert not any("noise" in name for name, _ in small.named_parameters())
    assert torch.equal(small(torch.ones(1, 3, 8, 8), []), small(torch.ones(1, 3, 8, 8)))


def test_runs_without_memory_and_in_double_precision():
    with torch.device("meta"):
        generator = small_generator()
        taps = generator.encode(torch.rand(1, 3, 16, 16), [0, 1, 2, 5])
        assert [features.shape[1] for features in taps] == [3, 8, 16, 16]
        assert generator(torch.rand(1, 3, 16, 16)).is_meta
    assert small_generator(noise=1.0).double()(torch.rand(1, 3, 8, 8).double()).dtype == torch.float64


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"crop_size": 66, "stylegan2_G_num_downsampling": 2}, "multiple of 4"),
        ({"crop_size": 2048, "load_size": 2048}, "8 to 1024"),
        ({"crop_size": 4}, "8 to 1024"),
        ({"crop_size": 1024, "ngf": 1}, "--ngf 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_a_sentence(sizes, message):
    arguments = {"ngf": 10, "load_size": 1024, "crop_size": 64} | sizes
    with pytest.raises(UserError, match=message) as caught:
        GENERATORS.build("stylegan2", input_nc=3, output_nc=3, **arguments)
    assert list(caught.value.problems) == StyleGAN2Generator.size_problems(**arguments)
    assert len(caught.value.problems) == 1


def test_default_sizes_are_accepted():
    assert StyleGAN2Generator.size_problems(ngf=10, load_size=1024, crop_size=64) == []
    assert StyleGAN2Generator.size_problems(ngf=64, load_size=286, crop_size=256, stylegan2_G_num_downsampling=2) == []
