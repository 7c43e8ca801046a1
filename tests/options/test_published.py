"""The names, types and defaults of the published program (options.json)."""

import json
import math
from pathlib import Path

import pytest

from cut.options import test_options as options_to_test
from cut.options import train_options

PUBLISHED = json.loads((Path(__file__).parent / "options.json").read_text(encoding="utf-8"))
PARSERS = {"train": train_options, "test": options_to_test}
MODES = {
    "cut": [],
    "fastcut": ["--CUT_mode", "FastCUT"],
    "sincut": ["--model", "sincut"],
}
DEVIATIONS = {"gpu_ids": "auto", "num_test": math.inf}
BY_TYPE = {"int": ("286", 286), "float": ("3.5", 3.5), "flag": ("", True), "str": ("some_word", "some_word")}
BY_NAME = {  # where the word of the type would be refused, or is not kept as it is
    "CUT_mode": ("fastcut", "FastCUT"),
    "beta1": ("1.5e-1", 0.15),
    "beta2": ("0.5", 0.5),
    "crop_size": ("128", 128),
    "dataset_mode": ("unaligned", "unaligned"),
    "direction": ("BtoA", "BtoA"),
    "epoch_count": ("286 --n_epochs 300", 286),
    "gan_mode": ("hinge", "hinge"),
    "gpu_ids": ("0", "0"),
    "init_type": ("kaiming", "kaiming"),
    "input_nc": ("1 --nce_idt no", 1),
    "lr_policy": ("cosine", "cosine"),
    "model": ("cut", "cut"),
    "nce_layers": ("4,0", "4,0"),
    "netD": ("pixel", "pixel"),
    "netF": ("sample", "sample"),
    "netG": ("resnet_6blocks", "resnet_6blocks"),
    "normD": ("batch", "batch"),
    "normG": ("none", "none"),
    "output_nc": ("1 --nce_idt 0", 1),
    "pool_size": ("0", 0),
    "preprocess": ("scale_width_and_crop", "scale_width_and_crop"),
    "stylegan2_G_num_downsampling": ("2", 2),
    "suffix": ("of_{ngf}", ""),  # it becomes part of the name
}
SAVED_RUN_NEEDED = {"continue_train"}  # in test_saved_runs.py


def expected(name, column):
    """The published default in a column such as train/fastcut, as a Python value."""
    default = PUBLISHED[name]["default"][column]
    if name == "model":
        return column.split("/")[1].replace("fastcut", "cut")  # the column says what was given
    if name == "CUT_mode":
        return "FastCUT" if column.endswith("fastcut") else "CUT"
    return DEVIATIONS.get(name, math.inf if default == "inf" else default)


@pytest.mark.parametrize("phase", PARSERS)
@pytest.mark.parametrize("mode", MODES)
def test_defaults(phase, mode):
    flat = PARSERS[phase](MODES[mode]).flat()
    column = f"{phase}/{mode}"
    names = [name for name in PUBLISHED if column in PUBLISHED[name]["default"]]
    assert {name: flat[name] for name in names} == {name: expected(name, column) for name in names}
    for name in names:
        if name not in ("display_id", "pretrained_name", "max_dataset_size", "num_test"):
            assert type(flat[name]).__name__ == {"flag": "bool", "str2bool": "bool"}.get(
                PUBLISHED[name]["type"], PUBLISHED[name]["type"]
            )


@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - SAVED_RUN_NEEDED))
def test_is_taken_from_the_command_line(name):
    column, default = next(iter(PUBLISHED[name]["default"].items()))
    phase, mode = column.split("/")
    opposite = ("no" if default else "yes", not default)
    word, value = BY_NAME.get(name) or BY_TYPE.get(PUBLISHED[name]["type"], opposite)
    assert PARSERS[phase]([*MODES[mode], f"--{name}", *word.split()]).flat()[name] == value


@pytest.mark.parametrize("name, word", [("netG", "resnet_cat"), ("netF", "reshape"), ("netD", "patch")])
def test_what_crashed_is_not_offered(name, word):
    with pytest.raises(
        Exception, match=f"--{name} is '{word}', which the published program listed but crashed on; choose"
    ):
        train_options([f"--{name}", word])


@pytest.mark.parametrize(
    "line",
    [
        "--dataroot ./datasets/grumpifycat --name grumpycat_FastCUT --CUT_mode FastCUT",
        "--dataroot ./datasets/grumpifycat --name grumpycat_CUT --CUT_mode CUT --gpu_ids -1 --display_id 0",
        "--dataroot=./datasets/x --nce_idt=false --no_flip --lambda_NCE=10 --display_id=-1",
        "--dataroot ./datasets/facades --name facades_pix2pix --model pix2pix --direction BtoA --netG unet_256 "
        "--lambda_L1 100 --dataset_mode aligned --norm batch --pool_size 0",
    ],
)
def test_published_command_lines(line):
    assert train_options(line.split(), to_run=True).data.dataroot.startswith("./datasets/")
