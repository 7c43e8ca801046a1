"""The ResNet generator: its size, its taps and what they see."""

import pytest
import torch

from cut.errors import UserError
from cut.networks.init import initialise
from cut.networks.resnet import ResnetGenerator
from cut.networks.zero_padded_resnet import ZeroPaddedResnet
from cut.registry import GENERATORS


def small(**changes) -> ResnetGenerator:
    torch.manual_seed(0)
    return initialise(ResnetGenerator(**{"ngf": 2, "blocks": 1} | changes), "normal", 0.3)


def parameters(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_default_has_11_38_million_parameters():
    with torch.device("meta"):
        sizes = {name: parameters(GENERATORS.build(f"resnet_{name}blocks")) for name in (9, 6, 4)}
    assert sizes[9] == 11_378_179
    block = 2 * (256 * 256 * 9 + 256)
    assert sizes[9] - sizes[6] == 3 * block and sizes[6] - sizes[4] == 2 * block


@pytest.mark.parametrize(("tap", "pixels"), [(0, 1), (4, 9), (8, 15), (12, 35), (16, 99)])
def test_receptive_fields_of_the_default_taps(tap, pixels):
    """Pixels per side on which one place of a tap depends, by its gradient; norms, which see everything, left out."""
    generator = initialise(ResnetGenerator(ngf=1, blocks=5, norm="none"), "normal", 1.0).double()
    for layer in generator.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data.abs_()  # so that no two paths cancel and no ReLU is shut
    image = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    (feature,) = generator.encode(image, [tap])
    middle = feature[0, :, feature.shape[2] // 2, feature.shape[3] // 2]
    (gradient,) = torch.autograd.grad(middle.sum(), image)
    for axis in (0, 1):
        seen = gradient[0].abs().sum(0).sum(1 - axis).nonzero()
        assert seen.max() - seen.min() + 1 == pixels


def test_taps_come_in_the_order_asked_for_and_at_their_resolutions():
    generator, image = small(), torch.rand(2, 3, 16, 24)
    features = generator.encode(image, [8, 0, 12, 4])
    shapes = [tuple(feature.shape) for feature in features]
    assert shapes == [(2, 8, 8, 12), (2, 3, 22, 30), (2, 8, 4, 6), (2, 4, 16, 24)]
    assert torch.equal(features[1], torch.nn.functional.pad(image, (3, 3, 3, 3), mode="reflect"))
    assert torch.equal(features[3], generator.encode(image, [4])[0]), "the conv before its norm, whatever comes after"


def test_one_pass_gives_both_and_encoding_stops_at_the_last_tap():
    generator, image = small(), torch.rand(1, 3, 16, 16)
    translated, features = generator.forward_with_features(image, [0, 4, 8])
    assert torch.equal(translated, generator(image)) and translated.shape == image.shape
    assert translated.abs().max() <= 1
    for one, other in zip(features, generator.encode(image, [0, 4, 8]), strict=True):
        assert torch.equal(one, other)
    generator.model[9] = None  # a layer beyond the deepest tap is never run
    generator.encode(image, [4, 8])


def test_a_tap_before_a_relu_is_rectified_unless_it_is_the_deepest():
    generator, image = small(), torch.rand(1, 3, 16, 16)
    (alone,) = generator.encode(image, [2])
    followed, _ = generator.encode(image, [2, 4])
    assert alone.min() < 0 and torch.equal(followed, alone.relu())


@pytest.mark.parametrize("tap", [-1, 24])
def test_a_missing_tap_is_named(tap):
    with pytest.raises(UserError, match=f"tap {tap}, which this ResNet generator does not have: its taps are 0 to 23"):
        small().encode(torch.rand(1, 3, 16, 16), [0, tap])


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("antialias_up", [True, False])
@pytest.mark.parametrize(("norm", "dropout"), [("instance", False), ("batch", False), ("none", True)])
def test_every_variant_keeps_the_size_and_says_when_its_features_are_exact(antialias, antialias_up, norm, dropout):
    generator = small(antialias=antialias, antialias_up=antialias_up, norm=norm, dropout=dropout, input_nc=1)
    images = torch.rand(2, 1, 16, 20)
    assert generator(images).shape == (2, 3, 16, 20)
    together = generator.encode(images, [len(generator.model) - 1])[0]
    apart = torch.cat([generator.encode(image[None], [len(generator.model) - 1])[0] for image in images])
    assert generator.encoder_is_exact == torch.allclose(together, apart, atol=1e-5)
    biased = {layer.bias is not None for layer in generator.model[:12] if isinstance(layer, torch.nn.Conv2d)}
    assert biased == {norm == "instance"}
    assert len(generator.model) == 24 - (0 if antialias else 2) - (0 if antialias_up else 2)


@pytest.mark.parametrize("norm", ["instance", "none"])
@pytest.mark.parametrize("antialias", [True, False])
def test_one_pass_gives_the_features_of_encoding_for_any_taps(norm, antialias):
    network = ResnetGenerator(ngf=2, blocks=1, norm=norm, antialias=antialias)
    image = torch.rand(1, 3, 16, 16)
    for deepest in range(len(network.model)):
        taps = [deepest, *range(0, deepest, 2)]
        with torch.no_grad():
            _, kept = network.forward_with_features(image, taps)
            assert all(torch.equal(a, b) for a, b in zip(kept, network.encode(image, taps), strict=True)), taps


@pytest.mark.parametrize("dropout", [False, True])
def test_recomputed_blocks_give_the_same_gradients_from_fewer_stored_numbers(dropout):
    image, results = torch.rand(1, 3, 16, 16), []
    for recompute in (False, True):
        generator, stored = small(dropout=dropout, blocks=3, checkpoint_blocks=recompute), []

        def remember(tensor, stored=stored):
            stored.append(tensor.numel())
            return tensor

        torch.manual_seed(1)  # of the dropout
        with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
            output = generator(image)
        output.square().sum().backward()
        results.append((output, [weight.grad for weight in generator.parameters()], sum(stored)))
    (output, gradients, numbers), (same_output, same_gradients, fewer) = results
    assert torch.equal(output, same_output) and fewer < numbers
    assert all(map(torch.equal, gradients, same_gradients))


def test_recomputed_blocks_refuse_batch_norm():
    with pytest.raises(UserError, match="--checkpoint_blocks computes the blocks twice"):
        small(norm="batch", checkpoint_blocks=True)


def test_a_residual_generator_starts_as_the_identity_and_learns_the_change():
    generator = initialise(ResnetGenerator(ngf=2, blocks=1, residual=True), "xavier", 1.0)
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(generator(image), 0.8 * image)
    output, features = generator.forward_with_features(image, [4, 8])
    assert torch.equal(output, generator(image)) and all(map(torch.equal, features, generator.encode(image, [4, 8])))
    output.sum().backward()
    assert generator.model[-2].weight.grad.abs().sum() > 0


def test_so_does_one_without_reflected_edges():
    generator = initialise(ZeroPaddedResnet(ngf=2, blocks=1, residual=True), "xavier", 1.0)
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(generator(image), 0.8 * image)
    torch.nn.init.normal_(generator.model[-2].weight)
    torch.testing.assert_close(generator(image), (generator.model[:-1](image) + torch.atanh(0.8 * image)).tanh())


@pytest.mark.parametrize("kind", [ResnetGenerator, ZeroPaddedResnet])
def test_a_residual_generator_keeps_the_number_of_channels(kind):
    with pytest.raises(UserError, match="--input_nc 1 and --output_nc 3 must be equal"):
        kind(input_nc=1, ngf=2, blocks=1, residual=True)
