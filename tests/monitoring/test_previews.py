"""The files of the previews: what is on them, and which of them belong to a run."""

import json

import numpy as np
import pytest
from PIL import Image

from cut.errors import UserError
from cut.monitoring.previews import PreviewFiles
from cut.training.listener import RunFacts
from tests.monitoring.miniature import preview_event, progress_at

EVERY = ("--evaluation_freq", "100")
NAMES = ("a.png", "b <i>.png")


def start(options, images=0) -> PreviewFiles:
    files = PreviewFiles()
    files.start(options, progress_at(images), RunFacts())
    return files


def watch(options, times=range(0, 500, 100), **more) -> PreviewFiles:
    """A run with previews of two images after so many images."""
    files = start(options)
    for images in times:
        event = preview_event(images, NAMES, **more)
        files.after_preview(event)
    return files


@pytest.fixture
def options(make_options):
    return make_options(*EVERY)


@pytest.fixture
def folder(options):
    return options.run.folder / "previews"


def test_rows_of_the_same_pictures_are_files(options, folder):
    files = watch(options, size=(3, 5))
    assert (files.times, files.names, files.cell) == ([0, 100, 200, 300, 400], list(NAMES), (5, 3))
    assert sorted(file.name for file in folder.iterdir()) == [
        "000000000.png", "000000100.png", "000000200.png", "000000300.png", "000000400.png", "previews.json",
        "sources.png",
    ]  # fmt: skip
    assert np.array_equal(Image.open(folder / "000000400.png"), np.full((3, 10, 3), 255))
    assert np.array_equal(Image.open(folder / "sources.png"), np.zeros((3, 10, 3)))
    about = json.loads((folder / "previews.json").read_text())
    assert about == {"names": list(NAMES), "cell": [5, 3], "targets": False}


def test_targets_have_a_row_too(options, folder):
    files = watch(options, targets=preview_event(0, NAMES).translations)
    assert files.has_targets and np.array_equal(Image.open(folder / "targets.png"), np.full((3, 10, 3), 255))


def test_a_continued_run_takes_up_its_rows_without_those_that_are_lost(options, folder):
    watch(options)
    files = start(options, 250)
    assert (files.times, files.names, files.cell, files.has_targets) == ([0, 100, 200], list(NAMES), (5, 3), False)
    assert not (folder / "000000300.png").exists()
    files.after_preview(preview_event(300, NAMES))
    assert files.times == [0, 100, 200, 300] and (folder / "000000300.png").exists()
    assert start(options).times == [] and not (folder / "000000100.png").exists()


def test_damaged_rows_and_those_of_other_pictures_are_left_out(options, folder):
    watch(options)
    (folder / "000000100.png").write_bytes(b"no picture")
    Image.new("RGB", (64, 20)).save(folder / "000000200.png")
    Image.new("RGB", (10, 3)).save(folder / "mine.png")
    assert start(options, 300).times == [0, 300]


def test_rows_of_other_pictures_end_with_the_first_preview(options):
    watch(options)
    files = start(options, 400)
    files.after_preview(preview_event(500, ("c.png", "d.png")))
    assert files.times == [500] and files.names == ["c.png", "d.png"]


@pytest.mark.parametrize("about", ["", "[]", "{}", '{"names": 3}', '{"names": [], "cell": [1], "targets": 1}'])
def test_without_a_description_nothing_is_taken_up(options, folder, about):
    watch(options)
    (folder / "previews.json").write_text(about)
    assert start(options, 300).times == []


@pytest.mark.parametrize("missing", ["sources.png", "targets.png"])
def test_without_sources_or_promised_targets_nothing_is_taken_up(options, folder, missing):
    watch(options, targets=preview_event(0, NAMES).translations)
    (folder / missing).unlink()
    assert start(options, 300).times == []


def test_zero_leaves_no_folder(make_options):
    options = make_options("--evaluation_freq", "0")
    start(options)
    assert not options.run.folder.exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(options, folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    with pytest.raises(UserError, match=r"previews cannot be written \(File exists\); check the folder"):
        start(options)
