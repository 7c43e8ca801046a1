"""`cut.train` and `cut.load`: from folders of pictures to a function on pictures."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cut
from cut.data.formats.ranges import Scale, as_json
from cut.data.images import to_8bit, to_tensor
from cut.errors import UserError
from cut.evaluation.translate.trained import load_translator
from cut.options import test_options as options_to_test
from cut.options import train_options
from tests.evaluation.tiny_run import ARCHITECTURE, TINY_OPTIONS, save_generator, write_image

OFFICIAL = {"netG": "resnet_4blocks", "ngf": 4, "device": "cpu"}


@pytest.fixture
def run(tmp_path):
    """A folder with nothing but a file of weights."""
    save_generator(tmp_path / "runs" / "mine")
    return tmp_path / "runs" / "mine"


def test_training_returns_what_load_takes(tmp_path):
    for domain in ("trainA", "trainB"):
        write_image(tmp_path / "data" / domain / "1.png", (64, 64), seed=len(domain))
    folder = cut.train(
        TINY_OPTIONS, dataroot=tmp_path / "data", name="mine", checkpoints_dir=tmp_path / "runs", n_epochs=1,
        n_epochs_decay=0, load_size=64, crop_size=64, evaluation_epoch_freq=0, no_html=True, nce_idt=False,
    )  # fmt: skip
    assert folder == tmp_path / "runs" / "mine" and (folder / "latest_net_G.pth").is_file()
    translate = cut.load(folder, device="cpu")  # the architecture is read from the saved options
    assert translate(Image.new("RGB", (30, 20))).size == (30, 20)
    assert translate.options.networks.ngf == 2
    with pytest.raises(UserError, match="There is no option --nfg"):
        cut.train(nfg=3)
    with pytest.raises(UserError, match="All loss weights are 0"):
        cut.train(train_options(["--dataroot", "x"]), lambda_GAN=0, lambda_NCE=0)


def test_every_kind_of_picture_gives_the_same_translation(run):
    translate = cut.load(run, **OFFICIAL)
    pixels = np.asarray(Image.open(write_image(run / "a.png", (30, 21))))
    words = ["--name", "mine", "--checkpoints_dir", str(run.parent), *ARCHITECTURE]
    expected = load_translator(options_to_test(words))(to_tensor(Image.fromarray(pixels), 3))

    picture = translate(Image.fromarray(pixels))
    assert picture.mode == "RGB" and np.array_equal(np.asarray(picture), to_8bit(expected))
    assert np.array_equal(translate(pixels), to_8bit(expected))
    assert np.abs(translate(pixels / 255) - (expected.permute(1, 2, 0).numpy() / 2 + 0.5)).max() < 1e-5
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    assert torch.equal(translate(tensor).permute(1, 2, 0), torch.from_numpy(to_8bit(expected)))
    assert torch.allclose(translate(tensor / 127.5 - 1), expected, atol=1e-5)
    several = translate(np.stack([pixels, pixels[::-1]]))
    assert several.shape == (2, 21, 30, 3) and several.dtype == np.uint8
    assert np.abs(several[0].astype(int) - to_8bit(expected)).max() <= 1
    assert translate(torch.zeros(2, 3, 8, 8)).shape == (2, 3, 8, 8)


def test_other_modes_of_pillow_are_read_as_files_are(run):
    translate = cut.load(run, **OFFICIAL)
    gray = Image.new("L", (20, 16), 90)
    assert np.array_equal(translate(gray), translate(gray.convert("RGB")))
    clear = Image.new("RGBA", (20, 16), (0, 0, 0, 0))
    assert np.array_equal(translate(clear), translate(Image.new("RGB", (20, 16), "white")))


def test_gray_pictures_in_and_out(tmp_path):
    save_generator(tmp_path / "gray", ["--input_nc", "1", "--output_nc", "1"])
    translate = cut.load(tmp_path / "gray", input_nc=1, output_nc=1, **OFFICIAL)
    assert translate(np.zeros((9, 12), np.uint8)).shape == (9, 12)
    assert translate(np.zeros((9, 12, 1), np.uint8)).shape == (9, 12, 1)
    assert translate(Image.new("RGB", (12, 9))).mode == "L"


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        ("photo.jpg", "not str"),
        (np.zeros((4, 4, 2), np.uint8), "4×4×2|2×4×4"),
        (np.full((4, 4, 3), 2.0), "floats from 0 to 1"),
        (np.zeros((4, 4, 3), np.int32), "floats from 0 to 1"),
        (torch.full((3, 4, 4), 200.0), "floats from −1 to 1"),
        (torch.zeros(4, 4), "4×4"),
        (torch.zeros(0, 3, 4, 4), "0×3×4×4"),
    ],
)
def test_what_is_no_picture_is_refused(run, picture, said):
    with pytest.raises(UserError, match=said):
        cut.load(run, **OFFICIAL)(picture)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        cut.load(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no weights of G"):
        cut.load(tmp_path)


def test_importing_the_package_needs_no_torch_and_lists_what_it_offers():
    code = "import sys, cut; assert {'load', 'train'} <= set(dir(cut)); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
    with pytest.raises(AttributeError):
        cut.nothing  # noqa: B018


def test_arrays_of_a_run_on_deep_values_are_in_its_numbers(run):
    save_generator(run, ["--input_nc", "2", "--output_nc", "1"])
    ranges = {
        "A": Scale("0,4000", (0.0, 0.0), (4000.0, 4000.0), "uint16", ".tif", (0, 1)),
        "B": Scale("5,9", (5.0,), (9.0,), "float32", ".tif", (0,)),
    }
    (run / "ranges.json").write_bytes(as_json(ranges))
    translate = cut.load(run, **OFFICIAL, input_nc=2, output_nc=1)
    values = np.random.default_rng(0).integers(0, 4000, (2, 20, 24, 2)).astype(np.uint16)
    made = translate(values)
    assert made.shape == (2, 20, 24, 1) and made.dtype == np.float32 and 5 <= made.min() < made.max() <= 9
    tensor = torch.from_numpy(values[0].astype(np.float32) / 2000 - 1).permute(2, 0, 1)
    expected = (translate(tensor).clamp(-1, 1) + 1) * 2 + 5
    assert np.allclose(made[0, ..., 0], expected[0], atol=1e-4) and translate(values[0]).shape == (20, 24, 1)
    with pytest.raises(UserError, match=r"Arrays are \(H, W\), \(H, W, 2\)"):
        translate(values[..., :1].repeat(3, -1))
