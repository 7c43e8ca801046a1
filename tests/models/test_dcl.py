"""DCLGAN's step against runs of the authors' code, and what its options mean. SimDCL's reference run is here too."""

import numpy as np
import pytest
import torch

from cut.data.batch import Batch
from cut.models.dcl import DCLDraws
from cut.models.simdcl import SimDCLDraws
from cut.options import train_options
from cut.registry import MODELS
from tests.reference_runs import NOT_OPTIONS, ReferenceRun, fill

RUNS = ["dcl", "dcl_lsgan", "dcl_batch2", "simdcl"]


def recorded_model(run, dtype=torch.float64):
    recorded = {name: value for name, value in run.facts["options"].items() if name not in NOT_OPTIONS}
    options = train_options(["--model", recorded["model"], "--dataroot", "x"]).replace(**recorded)
    model = MODELS[options.run.model].factory(options, dtype=dtype)
    for name, network in model.networks.items():
        fill(network, run.facts["weights"][name])
    return model


def recorded_batch(run, dtype=torch.float64):
    sides = (run.facts["inputs"][letter] for letter in "AB")
    values = [np.random.default_rng(recipe["seed"]).uniform(-1, 1, recipe["shape"]) for recipe in sides]
    return Batch(*(torch.from_numpy(side.astype(np.float32)).to(dtype) for side in values))


def recorded_draws(run, step):
    def positions(side):
        keys = (f"step{step}/patch_ids/{side}/{tap}" for tap in range(4))
        return tuple(torch.from_numpy(run.numbers[key]).long() for key in keys)

    nothing = (None,) * run.facts["options"]["batch_size"]
    if run.facts["options"]["model"] == "dcl":
        return DCLDraws(nothing, nothing, patches_A=positions("A"), patches_B=positions("B"))
    return SimDCLDraws(
        nothing,
        nothing,
        patches_A=positions("A"),
        patches_B=positions("B"),
        similar_A=positions("A_sim"),
        similar_B=positions("B_sim"),
    )


@pytest.mark.parametrize("name", RUNS)
def test_losses_of_all_steps_in_float64(name):
    run = ReferenceRun.load(name)
    model, batch = recorded_model(run), recorded_batch(run)
    for step, expected in enumerate(run.facts["losses_float64"]):
        logs = model.step(batch, recorded_draws(run, step))
        assert list(logs) == list(expected)
        for loss, value in expected.items():
            assert logs[loss].item() == pytest.approx(value, rel=1e-9), f"step {step}: {loss}"
