"""The house is open: a method, a form of PatchNCE and a measure are one file each, which nothing else mentions.

The files are put into a copy of the program, and its scripts train, resume and translate with them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]

METHOD = '''
"""A generator that learns to shift colours: no discriminator, no taps, and a mean that the next step depends on."""

from dataclasses import dataclass

import torch
from torch import nn

from cut.models.method import Method
from cut.networks.interface import Generator
from cut.options import finite_at_least, option
from cut.registry import MODELS


@dataclass(frozen=True)
class ShiftOptions:
    """What the shift is trained for."""

    lambda_identity: float = option(3.0, "weight of the shift", check=finite_at_least(0))


class Shift(Generator):
    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(3, 1, 1))

    def forward(self, image):
        return image + self.shift


@MODELS.register("shift", label="Colour shift", options=ShiftOptions, without=("discriminator",),
                 defaults={"train": {"n_epochs": 1, "n_epochs_decay": 1}})
class ShiftMethod(Method):
    loss_names = ("shift", "G")
    translators = {"AtoB": "S"}

    def __init__(self, *arguments, **more):
        self.mean = torch.zeros(3, 1, 1)
        super().__init__(*arguments, **more)

    def build_networks(self):
        return {"S": Shift()}

    @classmethod
    def build_translator(cls, options):
        return Shift()

    def step(self, batch, draws):
        draws = self.begin(draws)
        source, target = batch.sides
        self.mean = 0.9 * self.mean + 0.1 * target.mean(dim=(0, 2, 3))[:, None, None] * draws.epoch / draws.last_epoch
        moved = self.networks["S"](source)
        loss = self.options.method.lambda_identity * (moved.mean(dim=(0, 2, 3)) - self.mean.flatten()).square().sum()
        self.update(loss, "S")
        return self.in_logging_order({"shift": loss, "G": loss})

    def extra_state(self):
        return {"mean": self.mean}

    def load_extra_state(self, state):
        self.mean = state["mean"]
'''

LOSS = '''
"""A form of PatchNCE with an option of its own."""

from dataclasses import dataclass

from cut.losses.patchnce import PatchNCE, patch_nce
from cut.options import option, positive
from cut.registry import NCE_LOSSES


@dataclass(frozen=True)
class HalfOptions:
    """Options of the halved form."""

    half_weight: float = option(0.5, "what every patch weighs", check=positive())


@NCE_LOSSES.register("half", options=HalfOptions)
@dataclass(frozen=True)
class HalfPatchNCE(PatchNCE):
    half_weight: float = 0.5

    def __call__(self, query, key, contrast):
        return self.half_weight * patch_nce(query, key, contrast.temperature, contrast.across_batch)
'''

MEASURE = '''
"""The difference of the mean brightness of each pair."""

from cut.measures import MEASURES


@MEASURES.register("brightness", label="brightness error", needs="pairs", higher_is_better=False)
def brightness(real, fake):
    return abs(float(real.mean()) - float(fake.mean()))
'''


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Runs a script of the copy with the three files in it; returns its exit status and what it said."""
    folder = tmp_path_factory.mktemp("program")
    for part in ("cut", "configs"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for script in ("train.py", "test.py"):
        shutil.copy(ROOT / script, folder)
    (folder / "cut/models/shift.py").write_text(METHOD)
    (folder / "cut/losses/half.py").write_text(LOSS)
    (folder / "cut/evaluation/measures/brightness.py").write_text(MEASURE)
    rng = np.random.default_rng(0)
    for name in ("trainA", "trainB", "valA", "valB"):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{number}.png")

    def run(script: str, *words: str) -> tuple[int, str]:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "CUT_CACHE_DIR": os.devnull}
        done = subprocess.run(
            [sys.executable, script, *words], cwd=folder, env=environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    run.folder = folder
    return run


COMMON = ["--dataroot", "data", "--load_size", "36", "--crop_size", "32", "--gpu_ids", "-1", "--num_threads", "0"]
COMMON += ["--display_id", "0", "--feature_extractor", "efficientnet_lite0", "--best_metric", "brightness"]
COMMON += ["--save_latest_freq", "2", "--evaluation_epoch_freq", "1"]


def test_help_shows_what_the_method_takes_and_nothing_else(program):
    status, said = program("train.py", "--help", "--model", "shift")
    assert status == 0 and "--lambda_identity X" in said and "[3.0]" in said and "brightness" in said
    assert not any(f"--{name} " in said for name in ("lambda_NCE", "netD", "gan_mode", "focal_gamma", "netF"))
    status, said = program("train.py", "--model", "shift", "--lambda_NCE", "2")
    assert status == 2 and "but the model is shift" in said


def test_the_method_trains_resumes_and_translates(program):
    status, said = program("train.py", "--model", "shift", "--name", "whole", *COMMON)
    assert status == 0, said
    assert "brightness error" in said
    assert program("train.py", "--model", "shift", "--name", "parts", "--n_epochs_decay", "0", *COMMON)[0] == 0
    status, said = program("train.py", "--name", "parts", "--continue_train", "--n_epochs_decay", "1")
    assert status == 0, said
    folders = [program.folder / "checkpoints" / name for name in ("whole", "parts")]
    state, resumed = (
        torch.load(folder / "latest_training_state.pth", weights_only=True)["extra"]["mean"] for folder in folders
    )
    assert state.any() and state.shape == resumed.shape
    best = json.loads((folders[0] / "best.json").read_text())
    assert "brightness" in best["measures"]

    status, said = program("test.py", "--name", "whole", "--input", "data/valA", "--output", "out", "--gpu_ids", "-1")
    assert status == 0, said
    assert len(list((program.folder / "out").glob("*.png"))) == 3
    status, said = program("test.py", "--name", "whole", "--direction", "BtoA", "--gpu_ids", "-1")
    assert status == 2 and "--model shift translates only as it was trained" in said


def test_the_form_of_patchnce_trains(program):
    tiny = ["--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--netF_nc", "8", "--num_patches", "8"]
    tiny += ["--netD", "n_layers", "--n_layers_D", "2", "--n_epochs", "1", "--n_epochs_decay", "0", "--print_freq", "1"]
    losses = {}
    for form in (["--nce_loss", "ce"], ["--nce_loss", "half", "--half_weight", "0.25"]):
        status, said = program("train.py", "--name", form[1], *tiny, *COMMON, *form)
        assert status == 0, said
        lines = (program.folder / "checkpoints" / form[1] / "metrics.jsonl").read_text().splitlines()
        losses[form[1]] = next(entry for entry in map(json.loads, lines) if "losses" in entry)["losses"]["NCE"]
    assert losses["half"] == pytest.approx(losses["ce"] / 4, rel=1e-5)
