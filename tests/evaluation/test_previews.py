"""Rows of held-out images: which images, when, what is on them, and that training does not notice."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import train
from cut.data.images import to_image
from cut.errors import UserError
from cut.evaluation.previews import (
    PreviewSheets,
    cell_size,
    picture_row,
    preview_files,
    preview_image,
    preview_targets,
)
from cut.networks.interface import Generator
from cut.options import train_options
from cut.registry import DATASETS
from cut.training.listener import Progress, RunFacts
from tests.evaluation.tiny_run import write_image

SHOW = ["--load_size", "20", "--crop_size", "16", "--gpu_ids", "-1"]
TRAIN = [
    "--netG",
    "resnet_4blocks",
    "--ngf",
    "2",
    "--ndf",
    "2",
    "--netF_nc",
    "8",
    "--num_patches",
    "8",
    "--nce_layers",
    "0,2",
    "--netD",
    "n_layers",
    "--n_layers_D",
    "2",
    "--load_size",
    "36",
    "--crop_size",
    "32",
    "--gpu_ids",
    "-1",
    "--num_threads",
    "0",
    "--n_epochs",
    "1",
    "--n_epochs_decay",
    "1",
    "--display_id",
    "0",
]


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


def event(images):
    return SimpleNamespace(progress=progress(images), due=lambda every: every > 0 and images % every == 0)


def names(options):
    return sorted(file.name for file in (options.run.folder / "previews").glob("0*.png"))


def test_held_out_images_are_drawn_by_the_seed_and_sorted(make, data):
    chosen = [file.name for file in preview_files(*make())]
    assert len(set(chosen)) == 6 and chosen == sorted(chosen)
    assert chosen == [file.name for file in preview_files(*make())]
    assert len({tuple(preview_files(*make("--seed", str(seed)))) for seed in range(9)}) > 1
    assert {file.parent.name for file in preview_files(*make())} == {"testA"}


def test_without_a_held_out_folder_training_images_are_shown(make, data):
    options, dataset = make("--direction", "BtoA")
    assert [file.relative_to(data).as_posix() for file in preview_files(options, dataset)] == [
        "trainB/0.png", "trainB/1.png",
    ]  # fmt: skip
    write_image(data / "testB" / "8.png")
    write_image(data / "valB" / "7.png")
    assert [file.relative_to(data).as_posix() for file in preview_files(options, dataset)] == ["valB/7.png"]


def test_targets_are_shown_where_both_sides_have_the_same_names(make, data):
    options, dataset = make()
    files = preview_files(options, dataset)
    for number in range(7):
        assert preview_targets(options, dataset, files) == []
        write_image(data / "testB" / f"{number}.jpg")
    assert [file.relative_to(data).as_posix() for file in preview_targets(options, dataset, files)] == [
        f"testB/{file.stem}.jpg" for file in files
    ]
    write_image(data / "testB" / "another.jpg")
    assert preview_targets(options, dataset, files) == []
    assert preview_targets(options, dataset, dataset.source.files) == []  # both sides of training have 0.png, 1.png


def test_images_are_seen_as_in_training_but_without_chance(make, data):
    file = data / "testA/0.png"
    whole = preview_image(make()[1], file, 3)
    assert whole.shape == (3, 16, 16) and torch.equal(whole, preview_image(make()[1], file, 3))
    middle = preview_image(make("--preprocess", "crop")[1], file, 3)
    assert np.array_equal(np.asarray(to_image(middle)), np.asarray(Image.open(file))[2:18, 12:28])
    assert preview_image(make()[1], file, 1).shape == (1, 16, 16)
    with pytest.raises(UserError, match="tiny.png is 8×8 pixels"):
        preview_image(make("--preprocess", "crop")[1], write_image(data / "testA/tiny.png", (8, 8)), 3)


def test_a_single_image_is_shown_whole_and_only_shrunk_when_large(make, data):
    for side in ("trainA", "trainB"):
        (data / side / "1.png").unlink()
    arguments = ("--dataset_mode", "singleimage", "--preprocess", "zoom_and_patch")
    options, dataset = make(*arguments)
    [file] = preview_files(options, dataset)
    assert file == data / "trainA/0.png"
    source = preview_image(dataset, file, 3)
    assert np.array_equal(np.asarray(to_image(source)), np.asarray(Image.open(file)))
    write_image(file, (1024, 600))
    assert preview_image(dataset, file, 3).shape == (3, 300, 512)
    assert preview_image(make(*arguments, "--crop_size", "600")[1], file, 3).shape == (3, 352, 600)


def pixels(options, name) -> np.ndarray:
    return np.asarray(Image.open(options.run.folder / "previews" / name)).astype(int)


def test_rows_have_the_same_order_and_show_the_weights_of_their_moment(make, data):
    for number in range(7):
        write_image(data / "testB" / f"{number}.png", (40, 20), seed=20 + number)
    options, dataset = make("--evaluation_freq", "10")
    generator = Negative().train()
    listener = PreviewSheets(generator, "cpu", dataset)
    listener.start(options, progress(0), RunFacts())
    about = json.loads((options.run.folder / "previews/previews.json").read_text())
    files = preview_files(options, dataset)
    assert about == {"names": [file.name for file in files], "cell": [16, 16], "targets": True}
    sources, fakes, targets = (pixels(options, name) for name in ("sources.png", "000000000.png", "targets.png"))
    assert sources.shape == fakes.shape == targets.shape == (16, 6 * 16, 3)
    assert sources.std() > 10 and np.all(sources + fakes == 255)
    for index, file in enumerate(files):
        expected = np.asarray(to_image(preview_image(dataset, data / "testB" / file.name, 3)))
        assert np.array_equal(targets[:, 16 * index : 16 * (index + 1)], expected)

    assert generator.training and generator.norm.num_batches_tracked == 0 and generator.weight.grad is None
    with torch.no_grad():
        generator.weight.zero_()
    listener.after_step(event(10))
    assert np.all(pixels(options, "000000010.png") == 128)


def test_pictures_of_unequal_size_and_channels_share_a_row():
    pictures = [torch.ones(1, 8, 4), -torch.ones(3, 2, 16), torch.zeros(3, 8, 4)]
    row = picture_row(pictures, cell_size(pictures))
    assert row.mode == "RGB" and row.size == (3 * 16, 8)
    assert row.getpixel((16, 0)) == (0, 0, 0) and row.getpixel((32, 7)) == (128, 128, 128)
    assert row.getpixel((16, 2)) == row.getpixel((36, 0)) == (255, 255, 255)


def test_rows_are_written_when_due_and_a_continued_run_takes_back_what_was_lost(make):
    options, dataset = make("--evaluation_freq", "10")
    listener = PreviewSheets(Negative(), "cpu", dataset)
    listener.start(options, progress(0), RunFacts())
    for images in range(1, 31):
        listener.after_step(event(images))
    assert names(options) == ["000000000.png", "000000010.png", "000000020.png", "000000030.png"]
    listener.start(options, progress(25), RunFacts())
    assert names(options) == ["000000000.png", "000000010.png", "000000020.png"]
    listener.start(options, progress(0), RunFacts())
    assert names(options) == ["000000000.png"]


def test_zero_means_never(make):
    options, dataset = make("--evaluation_freq", "0")
    listener = PreviewSheets(Negative(), "cpu", dataset)
    listener.start(options, progress(0), RunFacts())
    listener.after_step(event(10))
    assert not options.run.folder.exists()


@pytest.fixture
def run(data):
    """Trains two epochs of two images; gives the folder of the run."""

    def run(name, *more):
        place = ["--dataroot", str(data), "--name", name, "--checkpoints_dir", str(data / "checkpoints")]
        assert train.main(train_options([*place, *TRAIN, *more])) == 0
        return data / "checkpoints" / name

    return run


@pytest.mark.parametrize(
    "more",
    [("--no_dropout", "false", "--normG", "batch"), ("--netG", "stylegan2", "--netD", "stylegan2")],
    ids=["dropout and batch norm", "noise"],
)
def test_training_is_bit_equal_with_and_without(run, more):
    without = run("without", "--no_html", "--evaluation_freq", "0", *more)
    watched = run("watched", "--no_html", "--evaluation_freq", "1", *more)
    assert len(list((watched / "previews").glob("0*.png"))) == 5 and not (without / "previews").exists()
    for file in ("latest_net_G.pth", "latest_net_D.pth", "latest_net_F.pth"):
        weights, same = (torch.load(folder / file, weights_only=True) for folder in (without, watched))
        assert weights.keys() == same.keys() and all(torch.equal(weights[name], same[name]) for name in weights)


def test_a_damaged_held_out_image_stops_the_previews_and_not_the_training(run, data, capsys):
    for number in range(7):
        (data / f"testA/{number}.png").write_bytes(b"no picture")
    folder = run("damaged", "--no_html", "--evaluation_freq", "1")
    assert (folder / "latest_net_G.pth").exists() and not list((folder / "previews").iterdir())
    said = capsys.readouterr().out
    assert said.count("PreviewSheets") == 1 and "testA/" in said
