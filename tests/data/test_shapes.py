"""Images of another size than the others: refused before training, and named."""

import pytest
from PIL import Image

import cut  # noqa: F401 fills the registries
from cut.data.loader import make_dataset
from cut.device import choose_device
from cut.errors import UserError
from cut.registry import MODELS
from cut.training.sizes import check_sizes

NETWORKS = ["--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--netD", "n_layers", "--n_layers_D", "1"]
TAPS = ["--nce_layers", "0,4"]


@pytest.fixture
def root(make_images):
    """Ten images a side of 32×32, one of 48×32."""
    root = make_images({"trainA": 10, "trainB": 10}, size=(32, 32))
    Image.new("RGB", (48, 32)).save(root / "trainA" / "007.png")
    return root


def check(options) -> None:
    dataset = make_dataset(options)
    check_sizes(MODELS[options.run.model].factory(options, choose_device("-1")), dataset)


@pytest.mark.parametrize(("words", "shown"), [("none", "48×32"), ("scale_width", "16×12"), ("trim", "12×8")])
def test_a_batch_needs_one_size(root, train, words, shown):
    if words == "trim":
        Image.new("RGB", (32, 8)).save(root / "trainA" / "007.png")
    with pytest.raises(UserError) as error:
        make_dataset(train(root, "--preprocess", words, "--batch_size", "2"))
    said = str(error.value)
    assert said.startswith(f"--preprocess {words} leaves images of different sizes, which cannot share a batch: ")
    assert "1 of 10 images is not " in said
    assert f"{root / 'trainA' / '007.png'} ({shown})" in said and "--batch_size 1" in said


def test_of_many_files_some_are_named(make_images, train):
    root = make_images({"trainA": 20, "trainB": 2})
    for number in range(8):
        Image.new("RGB", (24 + 4 * number, 32)).save(root / "trainA" / f"{number:03}.png")
    with pytest.raises(UserError, match="8 of 20 images are not 20×16, as most are: .*004.png .* and 3 more; use"):
        make_dataset(train(root, "--preprocess", "none", "--batch_size", "2"))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (TAPS, "the identity loss needs source and target of one size; use --nce_idt false, or"),
        ([*TAPS, "--nce_idt", "false", "--gan_mode", "wgangp"], "the gradient penalty needs"),
        (["--model", "cycle_gan", "--gan_mode", "wgangp"], "the gradient penalty needs"),
    ],
)
def test_what_needs_both_sides_of_one_size_says_so_and_names_the_files(root, train, more, why):
    options = train(root, "--preprocess", "none", "--crop_size", "32", *NETWORKS, *more)
    with pytest.raises(UserError) as error:
        check(options)
    assert why in str(error.value) and "1 of 20 images is not 32×32" in str(error.value)
    assert f"{root / 'trainA' / '007.png'} (48×32)" in str(error.value)


def test_pairs_in_turn_need_one_size_each(root, train):
    arguments = ["--preprocess", "none", "--crop_size", "32", "--serial_batches", *NETWORKS, *TAPS]
    with pytest.raises(UserError, match=r"1 of 10 pairs have two sizes: .*A/007.png \(48×32\) with .*B/007.png"):
        check(train(root, *arguments))
    Image.new("RGB", (48, 32)).save(root / "trainB" / "007.png")
    check(train(root, *arguments))


def test_sizes_may_differ_where_nothing_compares_them(root, train):
    check(train(root, "--preprocess", "none", "--crop_size", "32", *NETWORKS, *TAPS, "--nce_idt", "false"))
    check(train(root, "--preprocess", "crop", "--crop_size", "32", "--batch_size", "4", *NETWORKS, *TAPS))


def test_an_image_that_is_too_small_for_a_network_is_named(root, train):
    Image.new("RGB", (4, 32)).save(root / "trainB" / "003.png")
    options = train(root, "--preprocess", "none", "--crop_size", "32", *NETWORKS, "--model", "cycle_gan")
    with pytest.raises(UserError, match=r"(?s)4×32 pixels do not fit.*Of this size: .*trainB/003.png\."):
        check(options)
