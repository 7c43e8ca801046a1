"""One-sided use: names, sizes and the count are those of the inputs."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cut.data.images import read_image, to_8bit, to_tensor
from cut.errors import RunFailed, UserError
from cut.evaluation.protocols.own_images import translate_files
from cut.evaluation.translate.trained import load_translator
from tests.evaluation.tiny_run import write_image


@pytest.fixture
def translate(workplace):
    def run(source, output="out", *arguments):
        return translate_files(workplace("--input", str(source), "--output", output, *arguments))

    return run


def results(folder="out"):
    return {
        path.relative_to(folder).as_posix(): Image.open(path).size for path in Path(folder).rglob("*") if path.is_file()
    }


def test_names_folders_and_sizes_are_kept(translate, capsys):
    sizes = {"a.png": (24, 20), "deep/er/b.JPG": (33, 17), "deep/c.tif": (1, 1), "deep/a.png": (7, 50)}
    sizes["wide.bmp"] = (130, 3)
    for name, size in sizes.items():
        write_image(Path("in") / name, size)
    assert translate("in") == 0
    assert results() == {Path(name).with_suffix(".png").as_posix(): size for name, size in sizes.items()}
    assert "5 of 5 images translated: out" in capsys.readouterr().out


def test_one_file(translate):
    write_image(Path("in/photo.jpeg"), (31, 22))
    write_image(Path("in/other.jpeg"))
    translate("in/photo.jpeg", "deep/out")
    assert results("deep/out") == {"photo.png": (31, 22)}


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text here")
def test_names_that_are_not_utf_8(translate):
    name = "caf\udce9"
    write_image(Path(name) / f"{name}.png", (24, 20))
    translate(f"{name}/{name}.png", f"out{name}")
    assert results(f"out{name}") == {f"{name}.png": (24, 20)}


def test_inputs_that_differ_in_their_suffix_stay_apart(translate):
    write_image(Path("in/x.jpg"), (20, 20))
    write_image(Path("in/x.png"), (24, 24))
    translate("in")
    assert results() == {"x.jpg.png": (20, 20), "x.png.png": (24, 24)}


def test_a_multiple_of_four_is_exactly_the_generators_output(translate, workplace):
    write_image(Path("in/x.png"), (40, 28))
    translate("in")
    generator = load_translator(workplace("--dataroot", "in")).generator
    with torch.no_grad():
        expected = generator(to_tensor(read_image("in/x.png", 3), 3)[None])[0]
    assert np.array_equal(np.asarray(Image.open("out/x.png")), to_8bit(expected))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16", "1", "CMYK"])
def test_every_kind_of_image(translate, mode):
    name = "in/x.tif" if mode == "CMYK" else "in/x.png"
    Path("in").mkdir()
    if mode == "I;16":
        Image.fromarray(np.arange(20 * 24, dtype=np.uint16).reshape(20, 24) * 100).save(name)
    else:
        write_image(Path(name), mode=mode)
    translate("in")
    assert results() == {"x.png": (24, 20)}
    assert np.asarray(Image.open("out/x.png")).std() > 0


def test_a_sideways_photograph_comes_out_upright(translate):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_image(Path("in/x.jpg"), (40, 20), exif=exif)
    translate("in")
    assert results() == {"x.png": (20, 40)}


def test_preprocess_gives_the_papers_protocol(translate):
    write_image(Path("in/x.png"), (50, 30))
    translate("in", "out", "--preprocess", "resize_and_crop", "--load_size", "32", "--crop_size", "32")
    assert results() == {"x.png": (32, 32)}


def test_tiles_on_request(translate, capsys):
    write_image(Path("in/x.png"), (260, 190))
    translate("in", "out", "--tile_size", "180")
    assert results() == {"x.png": (260, 190)}


def test_results_inside_the_inputs_are_not_read_again(translate):
    write_image(Path("in/x.png"))
    translate("in", "in/out")
    translate("in", "in/out")
    assert results("in/out") == {"x.png": (24, 20)}


def test_existing_results_are_replaced_and_nothing_else_is_left(translate):
    write_image(Path("in/x.png"))
    Path("out").mkdir()
    Path("out/x.png").write_text("old")
    translate("in")
    assert results() == {"x.png": (24, 20)}


def test_num_test_takes_the_first(translate):
    for name in "cab":
        write_image(Path(f"in/{name}.png"))
    translate("in", "out", "--num_test", "2")
    assert sorted(results()) == ["a.png", "b.png"]


def test_other_files_are_mentioned(translate, capsys):
    write_image(Path("in/x.png"))
    Path("in/notes.txt").touch()
    Path("in/y.heic").touch()
    Path("in/z.heic").touch()
    Path("in/.hidden").touch()
    translate("in")
    assert "Left out of in: 2 files end in .heic, 1 file ends in .txt; images end in" in capsys.readouterr().out


def test_a_named_pipe_as_input_is_not_waited_for(translate):
    os.mkfifo("x.png")
    with pytest.raises(UserError, match="x.png is a named pipe"):
        translate("x.png")


def test_what_cannot_work_is_refused_before_the_first_image(translate, tmp_path):
    write_image(Path("in/x.png"))
    Path("empty").mkdir()
    for source, output, message in [
        ("absent", "out", "There is no file or folder absent"),
        ("empty", "out", "holds no images"),
        ("in", "in", "the same folder"),
        ("in/x.png", "in", "would overwrite an input"),
        ("in", "in/x.png/out", "cannot be made"),
    ]:
        with pytest.raises(UserError, match=message) as error:
            translate(source, output)
        assert len(error.value.problems) == 1
    assert not Path("out").exists()


def test_unreadable_files_are_listed_at_the_end_and_the_others_translated(translate, capsys):
    write_image(Path("in/x.png"))
    broken = ["bad.png", "cut.jpg", "empty.bmp", "link.png"]
    Path("in/bad.png").write_text("no image")
    Path("in/cut.jpg").write_bytes(write_image(Path("whole.jpg")).read_bytes()[:300])
    Path("in/empty.bmp").touch()
    Path("in/link.png").symlink_to("nowhere")
    with pytest.raises(RunFailed, match="^4 of 5 images were not translated:") as error:
        translate("in")
    assert [Path(problem.split()[0]).name for problem in error.value.problems[1:]] == broken
    assert sorted(results()) == ["x.png"] and "1 of 5 images translated: out" in capsys.readouterr().out

    with pytest.raises(UserError) as error:
        translate("in", "strict", "--strict")
    assert [Path(problem.split()[0]).name for problem in error.value.problems] == broken
    assert error.value.exit_status == 2 and not Path("strict").exists()

    Path("in/x.png").unlink()
    with pytest.raises(UserError) as error:  # nothing is left that could be translated
        translate("in", "none")
    assert error.value.exit_status == 2 and len(error.value.problems) == 4 and not Path("none").exists()


def test_strict_stops_at_the_image_that_turns_out_damaged(translate):
    for name in "abc":
        write_image(Path(f"in/{name}.png"))
    content = Path("in/b.png").read_bytes()
    Path("in/b.png").write_bytes(content[:200] + bytes(100) + content[300:])
    with pytest.raises(RunFailed, match="b.png is damaged"):
        translate("in", "out", "--strict")
    assert sorted(results()) == ["a.png"]


@pytest.mark.parametrize(("name", "kind"), [("y.png", "PNG"), ("deep/er/y.JPG", "JPEG"), ("y.tif", "TIFF")])
def test_a_file_for_the_result(translate, capsys, name, kind):
    write_image(Path("in/x.jpg"), (31, 22))
    assert translate("in/x.jpg", name) == 0
    with Image.open(name) as image:
        assert image.format == kind and image.size == (31, 22)
    assert f"1 of 1 image translated: {name}" in capsys.readouterr().out


def test_a_folder_may_look_like_a_file(translate):
    write_image(Path("in/x.png"))
    Path("y.png").mkdir()
    translate("in/x.png", "y.png")
    translate("in/x.png", "z.png/")
    translate("in/x.png", "out.v2")
    assert results("y.png") == results("z.png") == results("out.v2") == {"x.png": (24, 20)}
    with pytest.raises(UserError, match="but --input is a folder: give a folder"):
        translate("in", "w.png")
    with pytest.raises(UserError, match="would overwrite an input"):
        translate("in/x.png", "in/x.png")


def test_a_damaged_image_does_not_stop_the_others(translate, capsys):
    for name in "abc":
        write_image(Path(f"in/{name}.png"))
    content = Path("in/b.png").read_bytes()
    Path("in/b.png").write_bytes(content[:200] + bytes(100) + content[300:])
    with pytest.raises(RunFailed, match="1 of 3 images were not translated"):
        translate("in")
    assert sorted(results()) == ["a.png", "c.png"]
    assert "2 of 3 images translated" in capsys.readouterr().out


def test_a_full_disk_ends_the_run_with_a_sentence(translate, monkeypatch):
    write_image(Path("in/x.png"))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UserError, match="disk is full"):
        translate("in")
    assert results() == {}
