"""The film of previews: which rows belong to it, and how many frames it has."""

import json

import pytest
from PIL import Image

from cut.monitoring.web.film import Film


@pytest.fixture
def folder(tmp_path):
    """A run with two previews of 10×8 pixels after 0, 100, …, 2900 images."""
    (tmp_path / "previews").mkdir()
    for name in ["sources", "targets", *(f"{images:09d}" for images in range(0, 3000, 100))]:
        Image.new("RGB", (20, 8)).save(tmp_path / f"previews/{name}.png")
    describe(tmp_path)
    return tmp_path


def describe(folder, **other):
    about = {"names": ["a.png", "b <i>.png"], "cell": [10, 8], "targets": True} | other
    (folder / "previews/previews.json").write_text(json.dumps(about))


def test_rows_up_to_the_present_are_frames(folder):
    film = Film.of_run(folder, 250)
    assert film.times == [0, 100, 200] == film.frames()
    assert (film.names, film.cell, film.targets) == (["a.png", "b <i>.png"], (10, 8), True)
    for row in ("sources", "targets", 0, 200):
        assert (folder / "web" / film.address(row)).resolve(strict=False).is_file()


def test_many_rows_are_thinned_evenly_with_both_ends(folder):
    film = Film.of_run(folder, 10_000)
    assert len(film.times) == 30
    frames = film.frames(limit=5)
    assert frames == [0, 700, 1400, 2100, 2900]
    assert film.frames(limit=30) == film.times


def test_a_new_row_is_taken_in_once_it_is_there(folder):
    film = Film.of_run(folder, 2900)
    assert not film.add(3000) and not film.add(2900)
    Image.new("RGB", (20, 8)).save(folder / "previews/000003000.png")
    assert film.add(3000) and not film.add(3000)
    assert film.times[-2:] == [2900, 3000]


def test_damaged_rows_and_those_of_other_pictures_are_left_out(folder):
    (folder / "previews/000000100.png").write_bytes(b"no picture")
    Image.new("RGB", (64, 20)).save(folder / "previews/000000200.png")
    Image.new("RGB", (20, 8)).save(folder / "previews/mine.png")
    assert Film.of_run(folder, 300).times == [0, 300]


@pytest.mark.parametrize("about", ["", "[]", "{}", '{"names": 3}', '{"names": [], "cell": [1], "targets": 1}'])
def test_without_a_description_there_is_no_film(folder, about):
    (folder / "previews/previews.json").write_text(about)
    assert Film.of_run(folder, 300) is None


def test_without_sources_or_promised_targets_there_is_no_film(folder, tmp_path):
    (folder / "previews/targets.png").unlink()
    assert Film.of_run(folder, 300) is None
    describe(folder, targets=False)
    assert Film.of_run(folder, 300) is not None
    (folder / "previews/sources.png").unlink()
    assert Film.of_run(folder, 300) is None
    assert Film.of_run(tmp_path / "missing", 300) is None
