"""Steps of CUT's descendants: hard negatives with SRC, MoNCE and query selection."""

import math
from dataclasses import replace

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.losses.semantic_relation import semantic_relation
from cut.models.patch_contrast import PatchContrast
from tests.models.test_cut import directional_check, draws_for, fixed_keys, random_batch, smooth, tiny
from tests.models.test_sincut import small
from tests.reference_runs import ReferenceRun

HDCE = ["--nce_loss", "hdce", "--nce_idt", "true"]
MONCE = ["--nce_loss", "monce", "--monce_eps", "0.5"]
FIVE = ["--nce_layers", "0,4,8,10,12"]  # of a generator of four blocks


def selecting(mode: str = "qs_global") -> list[str]:
    return ["--nce_sampler", mode, *FIVE]


VARIANTS = [
    HDCE,
    [*HDCE, "--no_Hneg", "--lambda_SRC", "0"],
    MONCE,
    [*MONCE, "--monce_cost", "easy"],
    selecting(),
    selecting("qs_local"),
    [*selecting("qs_local"), "--qs_windows", "published"],
    [*selecting("qs_local_global"), *HDCE],
    [*selecting(), *MONCE, "--netF", "sample"],
    ["--lambda_NCE", "0", "--lambda_SRC", "1"],
    ["--lambda_SRC", "0.5", "--nce_loss", "focal"],
]
IDS = [" ".join(variant) for variant in VARIANTS]


# ------------------------------------------------------------------ every variant


@pytest.mark.parametrize("mode", ["CUT", "FastCUT"])
@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_every_variant_takes_finite_steps(variant, mode):
    model = tiny("--CUT_mode", mode, *variant)
    batch = random_batch(3, 32, 44)
    before = [parameter.detach().clone() for parameter in model.networks.parameters()]
    for flip in (False, True):
        draws = replace(draws_for(model, batch), flip=flip, epoch=2, last_epoch=3)
        logs = model.step(batch, draws)
        assert all(math.isfinite(value) for value in logs.values())
    moved = [not torch.equal(*pair) for pair in zip(before, model.networks.parameters(), strict=True)]
    assert any(moved)


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_permuting_the_batch_permutes_nothing_in_the_losses(variant):
    model, batch = tiny(*variant, dtype=torch.float64), random_batch(3, dtype=torch.float64)
    order = torch.tensor([2, 0, 1])
    turned = Batch(batch.source[order], batch.target[order])
    draws = draws_for(model, batch)
    with torch.no_grad():
        logs = [model.contrastive_loss(one, model.translate_batch(one, draws), draws)[1] for one in (batch, turned)]
    torch.testing.assert_close(*logs, rtol=1e-9, atol=0)


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_reusing_and_stacking_change_nothing(variant):
    batch, results = random_batch(2, dtype=torch.float64), []
    for exact in (True, False):
        model = tiny(*variant, "--init_gain", "1", dtype=torch.float64)
        model.G.encoder_is_exact = exact
        logs = model.step(batch, draws_for(model, batch))
        results.append((list(logs.values()), [p.grad for p in model.networks.parameters() if p.grad is not None]))
    torch.testing.assert_close(*results, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_one_pass_for_both_pairs_as_on_a_gpu_changes_nothing(variant, flip, monkeypatch):
    batch, results = random_batch(2, dtype=torch.float64), []
    for together in (True, False):
        monkeypatch.setattr("cut.models.cut.saves_time", lambda device, together=together: together)
        model = tiny(*variant, "--init_gain", "1", dtype=torch.float64)
        logs = model.step(batch, replace(draws_for(model, batch), flip=flip))
        results.append((list(logs.values()), [p.grad for p in model.networks.parameters() if p.grad is not None]))
    torch.testing.assert_close(*results, rtol=1e-7, atol=1e-9)


# ------------------------------------------------------------------ hard negatives and SRC


def test_the_logged_losses_are_the_published_ones_and_add_up():
    model = tiny(*HDCE, "--lambda_NCE", "0.1", "--lambda_SRC", "0.05")
    batch = random_batch(2)
    logs = model.step(batch, draws_for(model, batch))
    assert list(logs) == ["G_GAN", "D_real", "D_fake", "G", "HDCE", "HDCE_Y", "SRC"]
    total = logs["G_GAN"] + (logs["HDCE"] + logs["HDCE_Y"]) / 2 + logs["SRC"]
    assert logs["G"].item() == pytest.approx(total.item())
    logs = tiny("--nce_loss", "hdce").step(batch, draws_for(model, batch))
    assert list(logs) == ["G_GAN", "D_real", "D_fake", "G", "HDCE", "SRC"], "no identity part by default, as published"
    assert logs["G"].item() == pytest.approx((logs["G_GAN"] + logs["HDCE"] + logs["SRC"]).item())


def test_positions_are_shared_by_the_pairs_of_hdce_alone():
    batch = random_batch()
    draws = draws_for(tiny(*HDCE), batch)
    assert all(torch.equal(*pair) for pair in zip(draws.patches, draws.identity_patches, strict=True))
    plain = draws_for(tiny(), batch)
    assert all(torch.equal(*pair) for pair in zip(draws.patches, plain.patches, strict=True))
    assert not all(torch.equal(*pair) for pair in zip(plain.patches, plain.identity_patches, strict=True))


def test_the_curriculum_follows_the_epoch_of_the_draws():
    model = tiny(*HDCE, "--use_curriculum", "--HDCE_gamma", "1", "--HDCE_gamma_min", "0.05")
    batch = random_batch()
    losses = []
    for epoch in (1, 10):
        draws = replace(draws_for(model, batch), epoch=epoch, last_epoch=10)
        losses.append(model.contrastive_loss(batch, model.translate_batch(batch, draws), draws)[1]["HDCE"].item())
    assert losses[0] != losses[1]


def test_src_compares_the_source_with_its_translation():
    """Where G is the identity the relations are equal; with other pictures in its place they are not."""
    model, batch = (
        tiny("--lambda_NCE", "0", "--lambda_SRC", "3", "--nce_idt", "false", "--netF", "sample"),
        random_batch(2),
    )
    draws = draws_for(model, batch)
    for fake, near in ((batch.source, True), (batch.target, False)):
        translated = replace(model.translate_batch(batch, draws), fake=fake)
        loss = model.contrastive_loss(batch, translated, draws)[0] / 3
        assert (loss.item() < 1e-6) == near
    pairs = [
        [model.F(model.encode(images), draws.patches)[tap] for images in (batch.target, batch.source)]
        for tap in range(5)
    ]
    expected = torch.stack([semantic_relation(*pair).mean() for pair in pairs]).mean()
    torch.testing.assert_close(loss, expected)


def test_sincut_with_hard_negatives_weighs_nothing_and_relates_all_crops():
    batch = random_batch(4)
    logs = []
    for options in (["--HDCE_gamma", "0.01"], ["--no_Hneg"]):
        model = small(*HDCE, *options)
        logs.append(model.step(batch, draws_for(model, batch)))
    assert all(torch.equal(logs[0][name], logs[1][name]) for name in logs[0])
    assert logs[0]["SRC"] > 0 and list(logs[0])[-1] == "idt"


# ------------------------------------------------------------------ query selection


def test_drawn_positions_end_where_selection_begins():
    model, batch = tiny(*selecting()), random_batch()
    draws = draws_for(model, batch)
    for patches in (draws.patches, draws.identity_patches):
        assert [at is None for at in patches] == [False] * 3 + [True] * 2


def test_three_taps_are_plain_cut():
    batch, taps = random_batch(), ["--nce_layers", "0,4,8"]
    plain, selecting_nothing = tiny(*taps), tiny(*taps, "--nce_sampler", "qs_global")
    logs = [model.step(batch, draws_for(model, batch)) for model in (plain, selecting_nothing)]
    # Vectors of one and maps of the other go through F, and not every processor rounds these alike.
    assert {name: value.item() for name, value in logs[0].items()} == pytest.approx(
        {name: value.item() for name, value in logs[1].items()}, rel=1e-5
    )


@pytest.mark.parametrize("mode", ["qs_global", "qs_local", "qs_local_global"])
def test_the_selected_positions_are_those_of_the_published_run(mode):
    """As sets: ties are anyone's."""
    run = ReferenceRun.load(mode)
    model, batch = run.model(), run.batch()
    draws = run.draws(0)
    with torch.no_grad():
        features = model.encode(batch.source)
    for tap in (3, 4):
        (chosen,) = model.contrast.sampler.entropies(features[tap]).argsort(dim=1)[:, :32].tolist()
        assert set(chosen) == set(draws.patches[tap][0].tolist())
    own = replace(
        draws, patches=(*draws.patches[:3], None, None), identity_patches=(*draws.identity_patches[:3], None, None)
    )
    logs = model.step(batch, own)
    if mode == "qs_global":  # whose losses do not depend on the order
        assert logs["NCE"].item() == pytest.approx(run.facts["losses"][0]["NCE"], rel=1e-5)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("mode", ["qs_global", "qs_local", "qs_local_global"])
def test_the_gradient_goes_through_the_attention_into_the_pass_over_the_source(mode, flip):
    """Finite differences of the loss in G's and F's weights; without a graph of the keys they would not agree."""
    model = smooth(*selecting(mode), layout=torch.contiguous_format)
    batch = random_batch(2, dtype=torch.float64)
    draws = replace(draws_for(model, batch), flip=flip)
    held = fixed_positions(model, batch, draws)
    keys = fixed_keys(model, batch, held)

    def loss():
        return keys(model.generator_loss, batch, model.translate_batch(batch, held), held)[0]

    analytic, numeric = directional_check(loss, [*model.G.parameters(), *model.F.parameters()])
    assert analytic == pytest.approx(numeric, rel=1e-5)


def fixed_positions(model, batch, draws):
    """The draws with the positions that the model chooses now, which have no gradient."""
    found = []
    sampler = model.contrast.sampler
    for images, patches in ((batch.source, draws.patches), (batch.target, draws.identity_patches)):
        with torch.no_grad():
            features = model.encode(images)
        chosen = [
            sampler.entropies(feature).argsort(dim=1)[:, : model.own.num_patches] if at is None else at
            for feature, at in zip(features, patches, strict=True)
        ]
        found.append(tuple(chosen))
    return replace(draws, patches=found[0], identity_patches=found[1])


def test_too_many_patches_are_refused_with_what_would_do():
    with pytest.raises(UserError) as error:
        tiny(*selecting(), "--num_patches", "65")
    assert str(error.value) == (
        "--nce_sampler qs_global with --num_patches 65 cannot choose among the 64 positions of tap 12 in images of "
        "32×32 pixels: use at most --num_patches 64, or a larger --crop_size."
    )
    model = tiny(*selecting(), "--num_patches", "64")
    with pytest.raises(UserError, match="in images of 24×24 pixels"):
        model.check_size(24, 24)
    tiny(*selecting(), "--num_patches", "1000", "--nce_layers", "0,4,8")


def test_attention_that_memory_cannot_hold_is_refused(monkeypatch):
    model = tiny(*selecting(), "--batch_size", "2")
    contrast = PatchContrast(model.options)
    needed = 2 * 2 * 2 * 4 * 6 * 64  # both pairs, two images, two taps, float32: 6 rows of 64 positions
    monkeypatch.setattr("cut.memory.available_bytes", lambda device: needed)
    shapes = [torch.Size([16, 8, 8])] * 5
    contrast.check_size(32, 32, shapes, torch.device("cpu"))
    monkeypatch.setattr("cut.memory.available_bytes", lambda device: needed - 1)
    with pytest.raises(
        UserError, match="--nce_sampler qs_global with --num_patches 6 and images of 32×32 pixels needs at"
    ):
        contrast.check_size(32, 32, shapes, torch.device("cpu"))


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_bf16_steps_are_near_those_in_float32(variant):
    batch, losses = random_batch(2), []
    for precision in ("float32", "bf16"):
        model = tiny(*variant, "--init_gain", "1", "--precision", precision)
        losses.append(model.train_step(batch, draws_for(model, batch)))
    for name, value in losses[0].items():
        assert losses[1][name].dtype == torch.float32
        assert losses[1][name].item() == pytest.approx(value.item(), rel=0.1, abs=0.02), name
