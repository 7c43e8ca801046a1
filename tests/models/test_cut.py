"""Properties of a training step that need no recorded numbers."""

import math
from dataclasses import replace

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.losses.patchnce import Contrast, multi_tap_nce
from cut.models.cut import CUT
from cut.options import train_options

TINY = ["--dataroot", "x", "--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--netF_nc", "8",
        "--num_patches", "6", "--load_size", "32", "--crop_size", "32", "--n_layers_D", "2",
        "--netD", "n_layers"]  # fmt: skip


def tiny(*arguments: str, **build) -> CUT:
    return CUT(train_options([*TINY, *arguments]), **build)


def random_batch(size: int = 1, height: int = 32, width: int = 32, dtype=torch.float32, channels=(3, 3)) -> Batch:
    generator = torch.Generator().manual_seed(size)
    source, target = (torch.rand(size, c, height, width, generator=generator, dtype=dtype) * 2 - 1 for c in channels)
    return Batch(source, target)


def draws_for(model: CUT, batch: Batch, seed: int = 0):
    return model.draw(batch, torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------ gradients


def smooth(*arguments: str, layout: torch.memory_format) -> CUT:
    """A float64 model with weights of ordinary size and biases off zero, where the losses have no kink or pole."""
    model = tiny(*arguments, "--init_gain", "0.5", dtype=torch.float64)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.networks.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype), alpha=0.3)
    model.networks.to(memory_format=layout)
    return model


def directional_check(loss_of, parameters) -> tuple[float, float]:
    """(analytic, finite-difference) derivative of a loss along a random direction of the parameters, in float64."""
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    generator = torch.Generator().manual_seed(5)
    direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
    gradients = torch.autograd.grad(loss_of(), parameters, allow_unused=True)
    analytic = sum((g * d).sum().item() for g, d in zip(gradients, direction, strict=True) if g is not None)

    def shifted(amount: float) -> float:
        with torch.no_grad():
            for parameter, along in zip(parameters, direction, strict=True):
                parameter.add_(along, alpha=amount)
        value = loss_of().item()
        with torch.no_grad():
            for parameter, along in zip(parameters, direction, strict=True):
                parameter.sub_(along, alpha=amount)
        return value

    # Too long a step moves a ReLU across its kink, too short a one drowns in rounding: the best of three is taken.
    steps = [size / (1 + abs(analytic)) for size in (1e-6, 1e-7, 1e-8)]
    slopes = [(shifted(step) - shifted(-step)) / (2 * step) for step in steps]
    return analytic, min(slopes, key=lambda slope: abs(slope - analytic))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("mode", ["CUT", "FastCUT", "FastCUT --nce_loss focal --focal_gradient full"])
def test_generator_loss_has_the_gradient_of_its_values(mode, size, layout):
    # Keys are targets, not variables: with λ on the queries alone, values must be compared with the keys held fixed.
    model = smooth("--CUT_mode", *mode.split(), layout=layout)
    batch = random_batch(size, dtype=torch.float64)
    batch = Batch(batch.source.to(memory_format=layout), batch.target.to(memory_format=layout))
    draws = draws_for(model, batch)
    held = fixed_keys(model, batch, draws)

    def loss() -> torch.Tensor:
        return held(model.generator_loss, batch, model.translate_batch(batch, draws), draws)[0]

    parameters = [*model.G.parameters(), *model.F.parameters()]
    analytic, numeric = directional_check(loss, parameters)
    assert analytic == pytest.approx(numeric, rel=1e-5)


def fixed_keys(model, batch, draws):
    """Call a function with the vectors that F makes of the keys frozen at their present values."""
    record, replay = [], []
    head = model.F.forward

    def recording(features, positions):
        vectors = head(features, positions)
        if not torch.is_grad_enabled():
            record.append(vectors)
        return vectors

    def replaying(features, positions):
        return head(features, positions) if torch.is_grad_enabled() else replay.pop(0)

    model.F.forward = recording
    model.generator_loss(batch, model.translate_batch(batch, draws), draws)
    assert len(record) == 1 + model.contrast.identity

    def call(function, *arguments):
        replay[:] = record
        model.F.forward = replaying
        return function(*arguments)

    return call


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("gan_mode", ["lsgan", "vanilla", "nonsaturating", "wgangp"])
def test_discriminator_loss_has_the_gradient_of_its_values(gan_mode, size, layout):
    model = smooth("--gan_mode", gan_mode, layout=layout)
    batch = random_batch(size, dtype=torch.float64)
    batch = Batch(batch.source.to(memory_format=layout), batch.target.to(memory_format=layout))
    draws = draws_for(model, batch).to("cpu", torch.float64)
    with torch.no_grad():
        translated = model.translate_batch(batch, draws)
    analytic, numeric = directional_check(
        lambda: model.discriminator_loss(batch, translated, draws)[0], model.D.parameters()
    )
    assert analytic == pytest.approx(numeric, rel=1e-5)


# ------------------------------------------------------------------ invariants


def test_permuting_the_batch_permutes_nothing_in_the_losses():
    batch = random_batch(3, dtype=torch.float64)
    order = torch.tensor([2, 0, 1])
    turned = Batch(batch.source[order], batch.target[order])
    logs = [tiny(dtype=torch.float64).step(b, draws_for(tiny(), batch)) for b in (batch, turned)]
    assert all(torch.allclose(logs[0][name], logs[1][name], rtol=1e-10) for name in logs[0])


def test_a_flipped_step_compares_the_same_places():
    """Where G is the identity, the translation of the mirrored image is mirrored; flipped back, it is its own key."""
    model, batch = tiny("--CUT_mode", "FastCUT", "--netF", "sample", "--nce_layers", "0"), random_batch()
    draws = replace(draws_for(model, batch), flip=True)
    model.G.forward = lambda images: images  # tap 0 is the padded image itself
    model.G.forward_with_features = lambda images, layers: (images, model.G.encode(images, layers))
    loss = model.contrastive_loss(batch, model.translate_batch(batch, draws), draws)[0] / 10
    positions = [draws.patches[0]]
    own = model.F(model.G.encode(batch.source, [0]), positions)
    assert loss.item() == pytest.approx(multi_tap_nce(own, own, Contrast()).item(), rel=1e-5)


def test_losses_do_not_depend_on_the_order_of_taps():
    batch = random_batch()
    logs = []
    for taps in ("0,4,8,12", "12,0,8,4"):
        model = tiny("--nce_layers", taps, "--netF", "sample")
        draws = draws_for(tiny("--nce_layers", "0,4,8,12", "--netF", "sample"), batch)
        by_tap = dict(zip((0, 4, 8, 12), range(4), strict=True))
        order = [by_tap[tap] for tap in model.options.method.taps]
        draws = replace(
            draws,
            patches=tuple(draws.patches[i] for i in order),
            identity_patches=tuple(draws.identity_patches[i] for i in order),
        )
        logs.append(model.step(batch, draws))
    assert logs[0]["NCE"].item() == pytest.approx(logs[1]["NCE"].item(), rel=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lambda_NCE", "0"],
        ["--lambda_GAN", "0"],
        ["--lambda_NCE", "0", "--nce_idt", "false"],
        ["--netF", "sample"],
        ["--netF", "sample", "--CUT_mode", "FastCUT"],
        ["--nce_layers", "16,3,0"],
        ["--netD", "pixel"],
        ["--netD", "pixel", "--normD", "batch"],
        ["--normG", "batch", "--batch_size", "2", "--normD", "none"],
        ["--normG", "none", "--no_dropout", "false"],
        ["--no_antialias", "--no_antialias_up"],
        ["--gan_mode", "wgangp"],
        ["--gan_mode", "hinge"],
        ["--init_type", "orthogonal"],
        ["--input_nc", "1", "--output_nc", "3", "--nce_idt", "false"],
        ["--nce_includes_all_negatives_from_minibatch", "true"],
        ["--nce_loss", "focal"],
        ["--nce_loss", "focal", "--focal_gradient", "full", "--focal_gamma", "0.5", "--CUT_mode", "FastCUT"],
    ],
    ids=" ".join,
)
def test_every_offered_variant_takes_finite_steps(arguments):
    model = tiny(*arguments)
    data = model.options.data
    batch = random_batch(3, 32, 44, channels=(data.input_nc, data.output_nc))
    before = [parameter.detach().clone() for parameter in model.G.parameters()]
    for seed in range(2):
        logs = model.step(batch, draws_for(model, batch, seed))
        assert all(math.isfinite(value) for value in logs.values())
    trains = model.options.method.lambda_GAN or model.options.method.lambda_NCE
    assert any(not torch.equal(a, b) for a, b in zip(before, model.G.parameters(), strict=True)) == bool(trains)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--CUT_mode", "FastCUT"],
        ["--gan_mode", "wgangp"],
        ["--normG", "batch", "--batch_size", "2"],
        ["--nce_loss", "focal"],
        ["--nce_loss", "focal", "--focal_gradient", "full"],
    ],
)
def test_a_whole_step_runs_on_the_meta_device(arguments):
    """Any tensor made on a fixed device would meet a meta tensor and fail."""
    model = tiny(*arguments, device="meta")
    batch = random_batch(2).map(lambda images: images.to("meta"))
    for seed in range(4):
        logs = model.step(batch, draws_for(model, batch, seed))
        assert all(value.device.type == "meta" for value in logs.values())
    assert {state["exp_avg"].device.type for opt in model.optimizers.values() for state in opt.state.values()} == {
        "meta"
    }


def test_the_discriminator_gets_no_gradient_from_the_generator_loss():
    model, batch = tiny(), random_batch()
    draws = draws_for(model, batch)
    loss, _ = model.generator_loss(batch, model.translate_batch(batch, draws), draws)
    loss.backward()
    assert all(parameter.grad is None for parameter in model.D.parameters())
    assert all(parameter.requires_grad for parameter in model.D.parameters())


def test_a_model_is_a_function_of_its_seed_and_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    first, second, other = tiny(), tiny(), tiny("--seed", "1")
    assert torch.equal(torch.rand(4), expected)
    weights = [model.G.model[1].weight for model in (first, second, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_draws_are_a_function_of_the_generator_and_repeat_the_step():
    batch = random_batch()
    logs = []
    for _ in range(2):
        model = tiny("--no_dropout", "false")
        logs.append(model.step(batch, draws_for(model, batch, 7)))
    assert all(torch.equal(logs[0][name], logs[1][name]) for name in logs[0])


def test_positions_are_distinct_and_at_most_all():
    model = tiny("--num_patches", "100000")
    draws = draws_for(model, random_batch())
    sizes = [shape[1] * shape[2] for shape in model.probe.tap_shapes(32, 32)]
    assert [len(set(at.tolist())) for at in draws.patches] == sizes


# ------------------------------------------------------------------ bad input


def test_a_missing_tap_is_refused_by_name():
    with pytest.raises(UserError, match="tap 40.*0 to 26"):
        tiny("--nce_layers", "0,40")


def test_an_identity_loss_needs_one_shape():
    model = tiny()
    batch = Batch(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 48))
    with pytest.raises(UserError, match="must have one shape"):
        model.step(batch, draws_for(model, batch))


def test_preview_pairs_unmirrored_pictures_and_changes_nothing():
    model, batch = tiny("--CUT_mode", "FastCUT", "--normG", "batch", "--batch_size", "2"), random_batch(2)
    before = {name: value.clone() for name, value in model.networks.state_dict().items()}
    pictures = model.preview(batch)
    assert list(pictures) == ["real_A", "fake_B", "real_B"]
    assert torch.equal(pictures["real_A"], batch.source)
    with torch.no_grad():
        assert torch.allclose(
            pictures["fake_B"], model.G.eval()(batch.source), atol=1e-5
        )  # each with its own, unflipped
    model.G.train()
    assert all(torch.equal(before[name], value) for name, value in model.networks.state_dict().items())
    assert model.G.training
