"""Which files are found, and every bad one named at once."""

import os

import pytest
from PIL import Image, features

from cut.data.files import EXTENSIONS, check_images, find_images, images_in, left_out, phase_folders
from cut.errors import UserError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(root, **more):
    return [path.relative_to(root).as_posix() for path in find_images(root, **more)]


def test_images_are_found_below_in_any_case_and_sorted(tmp_path):
    touch(tmp_path, "b.JPG", "a/z.png", "a/y.Tiff", "c.jpeg", "d.ppm", "e.bmp", "f.tif")
    touch(tmp_path, "notes.txt", "g.webp", "._b.jpg", ".thumbnails/h.png")
    assert names(tmp_path) == ["a/y.Tiff", "a/z.png", "b.JPG", "c.jpeg", "d.ppm", "e.bmp", "f.tif", "g.webp"]


@pytest.mark.parametrize("name", [".webp", ".jp2", ".tga", ".gif", ".pgm", ".avif", ".jfif", ".pbm", ".qoi", ".pcx"])
def test_every_suffix_that_pillow_reads_is_found_and_read(tmp_path, name):
    needs = {".webp": "webp", ".avif": "avif", ".jp2": "jpg_2000"}
    if name in needs and not features.check(needs[name]):
        assert name not in EXTENSIONS
        return
    file = tmp_path / f"x{name.upper()}"
    kind = Image.registered_extensions()[name]
    Image.new("1" if name == ".pbm" else "L" if name == ".pgm" else "RGB", (20, 16), 1).save(file, kind)
    assert find_images(tmp_path) == [file] and check_images([file], decode=True) == [(20, 16)]


def test_every_suffix_is_of_a_format_that_can_be_opened():
    for suffix in EXTENSIONS:
        assert Image.registered_extensions()[suffix] in (*Image.OPEN, "MPO")
    assert not {".eps", ".ps", ".pdf", ".wmf", ".h5", ".mpg"} & {*EXTENSIONS}, "those start other programs"


def test_what_is_left_out_is_counted_by_suffix(tmp_path):
    touch(tmp_path, "a.heic", "b.HEIC", "sub/c.heic", "notes.txt", "LICENSE", "x.png", ".hidden.heic", "Thumbs.db")
    said = left_out(tmp_path)
    assert said.startswith(f"Left out of {tmp_path}: 3 files end in .heic, ") and said.endswith(".")
    assert "1 file ends in .txt" in said and "1 file has no suffix" in said and "db" not in said
    (tmp_path / "sub" / "c.heic").unlink()
    assert left_out(tmp_path / "sub") is None and left_out(tmp_path / "nowhere") is None
    touch(tmp_path, "only/a.heic")
    with pytest.raises(UserError, match=r"only holds no images \(1 file ends in .heic\); put some there"):
        images_in(tmp_path / "only")


def test_a_folder_can_be_excepted(tmp_path):
    touch(tmp_path, "a.txt", "results/b.txt", "results/c.txt")
    assert "1 file ends in .txt" in left_out(tmp_path, without=tmp_path / "results")


def test_a_named_pipe_among_the_images_is_named(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "good.png")
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(UserError, match="x.png is a named pipe, not a regular file") as caught:
        check_images(find_images(tmp_path))
    assert len(caught.value.problems) == 1


def test_the_limit_acts_after_sorting(tmp_path):
    touch(tmp_path, *(f"{number:02}.png" for number in range(30)))
    assert names(tmp_path, limit=3) == ["00.png", "01.png", "02.png"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "elsewhere/x.png", "data/y.png")
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/circle").symlink_to(tmp_path / "data")
    assert names(tmp_path / "data") == ["linked/x.png", "y.png"]


def test_phase_test_falls_back_to_val(tmp_path):
    touch(tmp_path, "valA/x.png", "valB/x.png")
    assert phase_folders(tmp_path, "test", "A")["A"] == tmp_path / "valA"
    touch(tmp_path, "testA/x.png")
    assert phase_folders(tmp_path, "test", "A") == {"A": tmp_path / "testA", "B": tmp_path / "testB"}


def test_missing_and_empty_folders_are_said_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="There is no folder .*nowhere; give the folder of your data set as --dataroot"):
        phase_folders(tmp_path / "nowhere", "train", "AB")
    touch(tmp_path, "testA/x.png", "trainB/notes.txt")
    with pytest.raises(UserError, match=r"has no folder trainA \(it has testA, trainB\)"):
        phase_folders(tmp_path, "train", "AB")
    with pytest.raises(UserError, match="has no folder valA and valB"):
        phase_folders(tmp_path, "val", "AB")
    with pytest.raises(UserError, match="trainB holds no images"):
        images_in(tmp_path / "trainB")
    with pytest.raises(UserError, match="There is no folder"):
        images_in(tmp_path / "trainA")


def test_every_bad_file_is_listed_in_one_message(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "good.png")
    Image.new("RGB", (3, 2)).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UserError) as caught:
        check_images(find_images(tmp_path), problem=lambda size: "is small." if min(size) < 10 else None)
    assert [problem.split(" is ")[0] for problem in caught.value.problems] == [
        str(tmp_path / name) for name in ("empty.jpg", "small.png", "text.png")
    ]
    assert check_images([tmp_path / "good.png"]) == [(30, 20)]


def test_decoding_finds_what_headers_do_not_show(tmp_path):
    image = Image.effect_noise((64, 64), 80)
    image.save(tmp_path / "x.png")
    data = bytearray((tmp_path / "x.png").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    (tmp_path / "x.png").write_bytes(data)
    check_images([tmp_path / "x.png"])
    with pytest.raises(UserError, match="x.png is damaged"):
        check_images([tmp_path / "x.png"], decode=True)
