"""Rows of held-out images: which images, when, what is on them, and that training does not notice."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import train
from cut.data.images import to_image
from cut.errors import UserError
from cut.evaluation.held_out_previews import (
    HeldOutPreviews,
    preview_image,
    preview_sources,
    preview_targets,
)
from cut.networks.interface import Generator
from cut.options import train_options
from cut.precision import Arithmetic
from cut.registry import DATASETS
from cut.training.listener import Progress
from tests.evaluation.tiny_run import TINY_OPTIONS, write_image

SHOW = ["--load_size", "20", "--crop_size", "16", "--gpu_ids", "-1"]
TRAIN = [*TINY_OPTIONS, *"--load_size 36 --crop_size 32 --n_epochs 1 --n_epochs_decay 1".split()]


@pytest.fixture
def data(tmp_path):
    """Two training images a side and seven of domain A to test on, which are wider than high."""
    for side in ("trainA", "trainB"):
        for number in range(2):
            write_image(tmp_path / side / f"{number}.png", (40, 36), seed=number)
    for number in range(7):
        write_image(tmp_path / "testA" / f"{number}.png", (40, 20), seed=10 + number)
    return tmp_path


@pytest.fixture
def make(data):
    """Options and the data set of a run "run" from what is added to the command line."""

    def make(*arguments):
        place = ["--dataroot", str(data), "--name", "run", "--checkpoints_dir", str(data / "checkpoints")]
        options = train_options([*place, *SHOW, *arguments])
        return options, DATASETS[options.data.dataset_mode].factory(options)

    return make


class Negative(Generator):
    """−x times a weight that stands for what training changes; counts what a careless look at it would move."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.norm = torch.nn.BatchNorm2d(3, affine=False)

    def forward(self, image):
        assert not self.training
        self.norm(image)
        return -self.weight * image


def progress(images):
    return Progress(epoch=1, epoch_images=images, images=images, step=images, last_epoch=9, images_per_epoch=99)


def test_held_out_images_are_drawn_by_the_seed_and_sorted(make, data):
    chosen = [file.name for file in preview_sources(*make()).files]
    assert len(set(chosen)) == 6 and chosen == sorted(chosen)
    assert chosen == [file.name for file in preview_sources(*make()).files]
    assert len({tuple(preview_sources(*make("--seed", str(seed))).files) for seed in range(9)}) > 1
    assert {file.parent.name for file in preview_sources(*make()).files} == {"testA"}


def test_without_a_held_out_folder_training_images_are_shown(make, data):
    options, dataset = make("--direction", "BtoA")
    assert [file.relative_to(data).as_posix() for file in preview_sources(options, dataset).files] == [
        "trainB/0.png", "trainB/1.png",
    ]  # fmt: skip
    write_image(data / "testB" / "8.png")
    write_image(data / "valB" / "7.png")
    assert [file.relative_to(data).as_posix() for file in preview_sources(options, dataset).files] == ["valB/7.png"]


def test_targets_are_shown_where_both_sides_have_the_same_names(make, data):
    options, dataset = make()
    sources = preview_sources(options, dataset)
    for number in range(7):
        assert preview_targets(dataset, sources) is None
        write_image(data / "testB" / f"{number}.jpg")
    assert [file.relative_to(data).as_posix() for file in preview_targets(dataset, sources).files] == [
        f"testB/{file.stem}.jpg" for file in sources.files
    ]
    write_image(data / "testB" / "another.jpg")
    assert preview_targets(dataset, sources) is None
    assert preview_targets(dataset, dataset.source) is None  # both sides of training have 0.png, 1.png


def test_images_are_seen_as_in_training_but_without_chance(make, data):
    file = data / "testA/0.png"
    dataset, cropped = make()[1], make("--preprocess", "crop")[1]
    whole = preview_image(dataset, dataset.source, file)
    assert whole.shape == (3, 16, 16) and torch.equal(whole, preview_image(dataset, dataset.source, file))
    middle = preview_image(cropped, dataset.source, file)
    assert np.array_equal(np.asarray(to_image(middle)), np.asarray(Image.open(file))[2:18, 12:28])
    assert preview_image(dataset, replace(dataset.source, channels=1), file).shape == (1, 16, 16)
    with pytest.raises(UserError, match="tiny.png is 8×8 pixels"):
        preview_image(cropped, dataset.source, write_image(data / "testA/tiny.png", (8, 8)))


def test_a_single_image_is_shown_whole_and_only_shrunk_when_large(make, data):
    for side in ("trainA", "trainB"):
        (data / side / "1.png").unlink()
    arguments = ("--dataset_mode", "singleimage", "--preprocess", "zoom_and_patch")
    options, dataset = make(*arguments)
    [file] = preview_sources(options, dataset).files
    assert file == data / "trainA/0.png"
    source = preview_image(dataset, dataset.source, file)
    assert np.array_equal(np.asarray(to_image(source)), np.asarray(Image.open(file)))
    write_image(file, (1024, 600))
    assert preview_image(dataset, dataset.source, file).shape == (3, 300, 512)
    large = make(*arguments, "--crop_size", "600")[1]
    assert preview_image(large, dataset.source, file).shape == (3, 352, 600)


def pixels(picture) -> np.ndarray:
    return np.asarray(to_image(picture)).astype(int)


def test_previews_have_the_same_order_and_show_the_weights_of_their_moment(make, data):
    for number in range(7):
        write_image(data / "testB" / f"{number}.png", (40, 20), seed=20 + number)
    options, dataset = make()
    generator = Negative().train()
    previewer = HeldOutPreviews(options, generator, Arithmetic(), dataset)
    event = previewer.preview(progress(0))
    files = preview_sources(options, dataset).files
    assert event.names == [file.name for file in files] and event.progress == progress(0)
    assert len(event.sources) == len(event.translations) == len(event.targets) == len(files) == 6
    for file, source, translation, target in zip(files, event.sources, event.translations, event.targets, strict=True):
        assert source.shape == (3, 16, 16) and pixels(source).std() > 10
        assert np.all(pixels(source) + pixels(translation) == 255)
        assert torch.equal(target, preview_image(dataset, dataset.target, data / "testB" / file.name))

    assert generator.training and generator.norm.num_batches_tracked == 0 and generator.weight.grad is None
    with torch.no_grad():
        generator.weight.zero_()
    assert all(np.all(pixels(picture) == 128) for picture in previewer.preview(progress(10)).translations)


@pytest.fixture
def run(data):
    """Trains two epochs of two images; gives the folder of the run."""

    def run(name, *more):
        place = ["--dataroot", str(data), "--name", name, "--checkpoints_dir", str(data / "checkpoints")]
        assert train.main(train_options([*place, *TRAIN, *more])) == 0
        return data / "checkpoints" / name

    return run


@pytest.mark.parametrize(
    ("count", "more"),
    [
        (3, ("--no_dropout", "false", "--normG", "batch", "--batch_size", "2")),
        (5, ("--netG", "stylegan2", "--netD", "stylegan2")),
    ],
    ids=["dropout and batch norm", "noise"],
)
def test_training_is_bit_equal_with_and_without(run, count, more):
    without = run("without", "--no_html", "--evaluation_freq", "0", *more)
    watched = run("watched", "--no_html", "--evaluation_freq", "1", *more)
    assert len(list((watched / "previews").glob("0*.png"))) == count and not (without / "previews").exists()
    for file in ("latest_net_G.pth", "latest_net_D.pth", "latest_net_F.pth"):
        weights, same = (torch.load(folder / file, weights_only=True) for folder in (without, watched))
        assert weights.keys() == same.keys() and all(torch.equal(weights[name], same[name]) for name in weights)


def test_a_damaged_held_out_image_stops_the_previews_and_not_the_training(run, data, capsys):
    for number in range(7):
        (data / f"testA/{number}.png").write_bytes(b"no picture")
    folder = run("damaged", "--no_html", "--evaluation_freq", "1")
    assert (folder / "latest_net_G.pth").exists() and not list((folder / "previews").iterdir())
    said = capsys.readouterr().out
    assert said.count("There are no previews for the rest of the run: ") == 1 and "testA/" in said
