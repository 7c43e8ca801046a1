"""Methods on images of many bands, of different counts on both sides, and with pixels without data."""

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.shared_passes import with_channels
from cut.options import train_options
from cut.registry import MODELS
from cut.training.steps import step_generator

SIDE = "--dataroot x --load_size 64 --crop_size 64 --batch_size 2"
PLAIN = f"{SIDE} --netG resnet_4blocks --netD n_layers --n_layers_D 2 --ngf 4 --ndf 4"
CONTRAST = f"{PLAIN} --num_patches 16"
# What each method needs where the sides differ, as its rules say.
DIFFERENT = {
    "cut": f"{CONTRAST} --nce_idt false",
    "sincut": f"{SIDE} --ngf 4 --ndf 4 --num_patches 16 --nce_idt false --lambda_identity 0 --preprocess none",
    "cycle_gan": f"{PLAIN} --lambda_identity 0",
    "dcl": f"{CONTRAST} --nce_idt false --nce_layers 4,8",
    "simdcl": f"{PLAIN} --batch_size 1 --nce_idt false --nce_layers 4,8",
    "gc_gan_share": f"{PLAIN} --lambda_identity 0",
    "distance_gan": PLAIN,
    "pix2pix": PLAIN,
    "munit": f"{SIDE} --dim 4 --mlp_dim 8 --style_dim 3 --n_res 1 --dis_dim 4",
    "drit": f"{SIDE} --width 2 --load_size 216 --crop_size 216",
}
# Losses that compare pixels of a made image with those of a real one.
PIXEL_LOSSES = {
    "cut": (f"{CONTRAST} --lambda_identity 1", {"idt"}),
    "cycle_gan": (PLAIN, {"cycle_A", "cycle_B", "idt_A", "idt_B"}),
    "dcl": (CONTRAST, {"idt_A", "idt_B"}),
    "gc_gan_share": (f"{PLAIN} --geometry mix", {"idt", "idt_gc"}),
    "distance_gan": (f"{PLAIN} --use_cycle_loss", {"cycle_A", "cycle_B"}),
    "pix2pix": (PLAIN, {"G_L1"}),
    "munit": (
        f"{DIFFERENT['munit']} --recon_x_cyc_w 1",
        {"gen_recon_x_a", "gen_recon_x_b", "gen_cycrecon_x_a", "gen_cycrecon_x_b"},
    ),
    "drit": (DIFFERENT["drit"], {"l1_recon_A_loss", "l1_recon_B_loss", "l1_recon_AA_loss", "l1_recon_BB_loss"}),
}


def step(name, words, counts, masks=(None, None)):
    model = name if name in MODELS else "gcgan"
    channels = f"--input_nc {counts[0]} --output_nc {counts[1]}"
    options = train_options(["--model", model, *words.split(), *channels.split()])
    method = MODELS[model].factory(options)
    side = options.data.crop_size
    size = options.data.batch_size
    source, target = (torch.rand(size, count, side, side) * 2 - 1 for count in counts)
    batch = Batch(source, target, source_valid=masks[0], target_valid=masks[1])
    method.steps_per_epoch = 2
    logs = {}
    for number in range(3):  # some methods train some networks in some steps only
        draws = method.draw_share(batch, step_generator(0, number), 1, 2, number)
        logs |= method.train_step(batch, draws)
    assert all(torch.isfinite(loss) for loss in logs.values())
    return logs, method, batch


@pytest.mark.parametrize("name", DIFFERENT)
def test_sides_of_different_bands(name):
    _, method, batch = step(name, DIFFERENT[name], (4, 2))
    pictures = method.pictures(batch)
    counts = {label: image.shape[1] for label, image in pictures.items()}
    assert set(counts.values()) == {4, 2}, counts
    assert method.translator()(batch.source[:1]).shape[1] == 2


@pytest.mark.parametrize("name", ["cut", "cycle_gan", "dcl", "gc_gan_share"])
def test_identity_parts_of_different_bands_are_refused_before_anything(name):
    words = PIXEL_LOSSES[name][0]
    with pytest.raises(UserError, match="--input_nc 4 and --output_nc 2 must be equal"):
        step(name, words, (4, 2))


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_what_has_no_data_is_in_no_loss_of_pixels(name):
    words, losses = PIXEL_LOSSES[name]
    side = 216 if name == "drit" else 64
    nothing, half = torch.zeros(2, 1, side, side, dtype=torch.bool), torch.ones(2, 1, side, side, dtype=torch.bool)
    half[..., : side // 2] = False
    logs, *_ = step(name, words, (3, 3), (nothing, nothing))
    assert losses <= logs.keys() and all(logs[loss] == 0 for loss in losses)
    partly, *_ = step(name, words, (3, 3), (half, half))
    assert all(partly[loss] > 0 for loss in losses)


def test_bands_of_another_count_are_seen_as_grey():
    images = torch.rand(2, 4, 3, 3)
    grey = images.mean(1, keepdim=True)
    assert torch.equal(with_channels(images, 2), grey.expand(-1, 2, -1, -1))
    assert with_channels(images, 4) is images
    assert with_channels(images[:, :3], 1).shape[1] == 1 and with_channels(grey, 3).shape[1] == 3
