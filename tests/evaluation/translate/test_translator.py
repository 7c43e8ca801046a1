"""One image of any size through a generator: size, mode, randomness, tiles."""

import pytest
import torch

from cut.errors import UserError
from cut.evaluation.translate.inference import inference
from cut.evaluation.translate.tiles import smallest_tile
from cut.evaluation.translate.translator import Translator, pad_by_reflection
from cut.networks.init import initialise
from cut.networks.resnet import ResnetGenerator
from cut.networks.unet import UnetGenerator
from cut.registry import GENERATORS


def tiny(**kwargs):
    torch.manual_seed(1)
    return initialise(ResnetGenerator(**{"ngf": 4, "blocks": 1, **kwargs}), "xavier", 1.0)


def picture(height, width, channels=3):
    """Smooth, and different everywhere, so that tiles of it have different statistics."""
    y, x = torch.linspace(0, 3, height)[:, None], torch.linspace(0, 4, width)
    planes = [torch.sin(x * (1 + c) + y) * torch.cos(2 * y) * x / 4 for c in range(channels)]
    return torch.stack(planes) + 0.1 * torch.sin(40 * x) * torch.sin(30 * y)


@pytest.fixture
def counting():
    """A tiny generator that remembers the size of every image it saw."""
    network = tiny()
    network.seen, network.batches = [], []
    network.register_forward_pre_hook(lambda _, inputs: network.seen.append(tuple(inputs[0].shape[-2:])))
    network.register_forward_pre_hook(lambda _, inputs: network.batches.append(len(inputs[0])))
    return network


def several(translate, images):
    """What it makes of them together, once it has seen an image, and one by one."""
    alone = torch.stack([translate(image) for image in images])
    return translate.several(images), alone


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (17, 31), (64, 48), (63, 200)])
def test_output_has_the_size_of_the_input(size):
    output = Translator(tiny(output_nc=1))(picture(*size))
    assert output.shape == (1, *size) and output.dtype == torch.float32 and torch.isfinite(output).all()


def test_a_multiple_of_the_size_multiple_is_translated_as_it_is():
    network, image = tiny(), picture(44, 64)
    with torch.no_grad():
        torch.testing.assert_close(Translator(network)(image), network(image[None])[0], rtol=0, atol=0)


def test_padding_continues_by_reflection_however_small_the_image():
    row = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert pad_by_reflection(row, 2, 8).tolist() == [[[1, 2, 3, 2, 1, 2, 3, 2]] * 2]
    assert pad_by_reflection(row, 1, 3) is row
    wide = picture(9, 12)
    expected = torch.nn.functional.pad(wide, (0, 4, 0, 3), mode="reflect")
    torch.testing.assert_close(pad_by_reflection(wide, 12, 16), expected, rtol=0, atol=0)


def test_a_network_without_reflected_edges_needs_one_multiple_alone():
    torch.manual_seed(0)
    network = initialise(UnetGenerator(ngf=2, downs=5), "xavier", 1.0)
    seen = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[-2:])))
    for size in ((32, 32), (20, 33)):
        assert Translator(network)(picture(*size)).shape == (3, *size)
    assert seen == [(32, 32), (32, 64)]


def test_a_unet_in_tiles_gives_the_whole_translation():
    torch.manual_seed(0)
    network = initialise(UnetGenerator(ngf=2, downs=5), "xavier", 1.0).train()
    network(picture(416, 416)[None])  # running statistics that fit
    image = picture(416, 640)
    tiled = Translator(network, tile_size=1, say=None)(image)
    torch.testing.assert_close(tiled, Translator(network)(image), rtol=0, atol=1e-5)
    shared = Translator(network, training=True, tile_size=1, say=None)(image)
    assert shared.shape == image.shape and torch.isfinite(shared).all()


def test_dropout_in_train_mode_draws_the_same_whatever_came_before():
    network = initialise(UnetGenerator(ngf=2, downs=7, dropout=True), "xavier", 1.0)
    first, second = Translator(network, training=True, seed=1), Translator(network, training=True, seed=2)
    image = picture(128, 128)
    expected = first(image)
    first(picture(128, 256))
    assert torch.equal(first(image), expected) and not torch.equal(second(image), expected)


@pytest.mark.parametrize("training", [False, True])
def test_modes_and_running_statistics_are_left_as_they_were(training):
    network = tiny(norm="batch", dropout=True)
    network.train()
    network.model[5].eval()
    before = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    Translator(network, training=training)(picture(32, 32))
    assert [module.training for module in network.modules()] == before
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    network(picture(32, 32)[None])  # and they move again
    assert not torch.equal(network.state_dict()["model.2.running_mean"], state["model.2.running_mean"])


def test_modes_are_restored_after_an_error():
    network = tiny().train()
    with pytest.raises(RuntimeError), inference(network):
        assert not network.training and torch.is_inference_mode_enabled()
        raise RuntimeError
    assert network.training and not torch.is_inference_mode_enabled()


def test_without_eval_batch_norm_measures_the_image():
    network, image = tiny(norm="batch"), picture(32, 48)
    measured, running = Translator(network, training=True)(image), Translator(network)(image)
    with torch.no_grad():
        torch.testing.assert_close(running, network.eval()(image[None])[0])
        torch.testing.assert_close(measured, network.train()(image[None])[0])
    assert (measured - running).abs().max() > 1e-3


def test_random_draws_follow_the_seed_and_not_what_came_before():
    network, image = tiny(dropout=True), picture(32, 32)
    translate = Translator(network, training=True, seed=3)
    state = torch.get_rng_state()
    first = translate(image)
    translate(picture(16, 16))
    assert torch.equal(translate(image), first)
    assert not torch.equal(Translator(network, training=True, seed=4)(image), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_tiles_equal_the_whole_image_without_a_norm():
    network, image = tiny(norm="none"), picture(301, 423)
    said = []
    tiled = Translator(network, tile_size=120, say=said.append)
    torch.testing.assert_close(tiled(image), Translator(network)(image), rtol=0, atol=1e-5)
    tiled(image)
    assert said == ["An image of 424×304 pixels is translated in overlapping tiles of 120×120."]


@pytest.mark.parametrize("downsampling", [1, 2])
@pytest.mark.parametrize("name", ["stylegan2", "smallstylegan2"])
def test_tiles_of_stylegan2_equal_the_whole_image_with_its_noise(name, downsampling):
    torch.manual_seed(0)
    network = GENERATORS.build(
        name, input_nc=3, output_nc=3, ngf=1, load_size=64, crop_size=64, stylegan2_G_num_downsampling=downsampling
    )
    for parameter_name, parameter in network.named_parameters():
        if parameter_name.endswith("noise.weight"):
            torch.nn.init.constant_(parameter, 0.5)
    image, side = picture(203, 331), smallest_tile(network.context, network.size_multiple) + 8
    said = []
    whole = Translator(network, seed=5)(image)
    tiled = Translator(network, seed=5, tile_size=side, say=said.append)(image)
    assert said
    torch.testing.assert_close(tiled, whole, rtol=1e-5, atol=1e-5)
    if network.inject_noise:
        assert not torch.allclose(Translator(network, seed=6)(image), whole, atol=1e-3)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_tiles_share_the_statistics_of_the_image(norm):
    network, image = tiny(norm=norm), picture(360, 480)
    whole = Translator(network, training=True)(image)
    tiled = Translator(network, training=True, tile_size=240, say=lambda _: None)(image)
    own = torch.zeros_like(whole)  # what tiles look like that are normalised each on its own
    for top in (0, 180):
        for left in (0, 240):
            window = (slice(None), slice(top, top + 180), slice(left, left + 240))
            own[window] = Translator(network, training=True)(image[window])
    assert (tiled - whole).abs().mean() < 0.5 * (own - whole).abs().mean()
    jumps = [(picture[:, :, 240] - picture[:, :, 239]).abs().mean() for picture in (whole, tiled, own)]
    assert jumps[1] < 1.2 * jumps[0] and jumps[2] > 2 * jumps[0]


def test_when_memory_runs_out_tiles_take_over(counting):
    def full(_, inputs):
        if inputs[0].shape[-1] * inputs[0].shape[-2] * len(inputs[0]) > 200 * 200:
            raise torch.OutOfMemoryError("CUDA out of memory")

    counting.register_forward_pre_hook(full)
    said = []
    translate = Translator(counting, say=said.append)
    assert translate(picture(320, 400)).shape == (3, 320, 400)
    assert counting.seen[0] == (320, 400) and counting.seen[-1] == (200, 200) and len(said) == 1


def test_memory_that_holds_no_tile_is_one_sentence(counting):
    def full(_, inputs):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    counting.register_forward_pre_hook(full)
    with pytest.raises(UserError, match="even with tiles of"):
        Translator(counting, say=lambda _: None)(picture(64, 64))


@pytest.mark.parametrize("size", [(32, 32), (17, 30)])
def test_images_of_one_size_are_translated_together(counting, size):
    images = torch.stack([picture(*size).roll(shift, 2) for shift in range(3)])
    together, alone = several(Translator(counting, training=True), images)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert together.shape == (3, 3, *size) and counting.batches == [1, 1, 1, 3] and not together.is_inference()


def test_the_first_images_show_whether_there_are_random_draws(counting):
    translate, images = Translator(counting, training=True), torch.stack([picture(32, 32)] * 2)
    assert torch.equal(*translate.several(images))
    assert counting.batches == [1, 1]


@pytest.mark.parametrize("changes", [{"dropout": True}, {"norm": "batch"}])
def test_an_image_never_depends_on_the_others(changes):
    network = tiny(**changes)
    images = torch.stack([picture(32, 32), picture(32, 32).flip(2), 2 * picture(32, 32)])
    assert torch.equal(*several(Translator(network, training=True), images))
    together, alone = several(Translator(network, training=False), images)  # neither acts now
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_the_noise_of_stylegan2_is_that_of_an_image_alone():
    torch.manual_seed(0)
    network = GENERATORS.build("stylegan2", input_nc=3, output_nc=3, ngf=1, load_size=32, crop_size=32)
    for parameter_name, parameter in network.named_parameters():
        if parameter_name.endswith("noise.weight"):
            torch.nn.init.constant_(parameter, 0.5)
    assert torch.equal(*several(Translator(network, seed=5), torch.stack([picture(32, 48), picture(32, 48).flip(1)])))


def test_images_that_do_not_fit_together_go_one_by_one(counting):
    def full(_, inputs):
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    counting.register_forward_pre_hook(full)
    said = []
    together, alone = several(Translator(counting, say=said.append), torch.stack([picture(32, 32)] * 3))
    assert torch.equal(together, alone) and counting.batches == [1, 1, 1, 3, 1, 1, 1] and not said


def test_weights_that_are_not_numbers_are_said_and_not_turned_into_pictures():
    network = tiny()
    torch.nn.init.constant_(network.model[1].weight, float("nan"))
    with pytest.raises(UserError, match="not finite"):
        Translator(network)(picture(32, 32))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="channels"):
        Translator(tiny())(picture(64, 64, channels=1))


def test_an_estimate_decides_before_memory_runs_out(counting, monkeypatch):
    monkeypatch.setattr("cut.evaluation.translate.translator.free_bytes", lambda device: 300 * 300 * 1000.0)
    monkeypatch.setattr("cut.evaluation.translate.translator.bytes_per_pixel", lambda network, channels: 1000.0)
    translate = Translator(counting, say=lambda _: None)
    translate(picture(600, 700))
    assert max(max(size) for size in counting.seen) == 300
