"""Killed and continued equals uninterrupted for every method: pools, statistics, styles, curricula, kinds of steps."""

import signal

import pytest

from tests.methods import IMAGES, METHODS
from tests.training.test_resume import assert_finished_as
from tests.training.tiny_runs import logs_of, state_of

ELSEWHERE = {"cut", "fastcut", "cycle_gan", "dcl", "pix2pix"}  # in test_resume.py
COVERED = {
    "monce",
    "gc_gan_share",
    "qs_global",
    "qs_local_global",
    "gc_gan_mix",
}  # have no state that one of these does not have
VARIANTS = {
    "hdce": {"n_epochs": 2, "step_gamma": True, "step_gamma_epoch": 2},
    "qs_local": {"nce_loss": "monce"},
    "sincut": {},
    "simdcl": {"max_dataset_size": 2},
    "gc_gan_cross": {"ema_decay": 0.9},
    "distance_gan": {"use_cycle_loss": True},
    "selfdistance": {},
    "munit": {"step_size": 3, "ema_decay": 0.9},
    "drit": {"lr_policy": "step", "lr_decay_iters": 1},
}


def test_every_method_is_killed():
    assert VARIANTS.keys() | ELSEWHERE | COVERED == METHODS.keys()


@pytest.mark.parametrize("method", VARIANTS)
def test_killed_in_the_second_epoch(method, new_run, eight_images, two_images):
    pairs = IMAGES[method] == 2
    data = two_images if method == "sincut" else eight_images
    steps = {"max_dataset_size": 8 if pairs else 4, "save_latest_freq": 4 if pairs else 2}  # saved every other step
    options = {"dataroot": data} | steps | VARIANTS[method]
    whole, killed = (new_run(method, **options) for _ in range(2))
    assert whole.start() == 0, whole.said
    kill = {"call": "step", "count": 4 if method == "simdcl" else 8}
    assert killed.start(at=kill, signal=signal.SIGKILL) == -signal.SIGKILL, killed.said
    assert_finished_as(killed, (state_of(whole.folder), *logs_of(whole.folder)))
    assert "Measuring the distances" not in killed.said  # they are part of what is saved
