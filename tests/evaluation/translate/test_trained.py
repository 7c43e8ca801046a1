"""Which weights translate: the moving average where the run kept one."""

import json

import pytest
import torch

import train
from cut.errors import UserError
from cut.evaluation.translate.trained import trained_epochs, trained_generator, weight_file
from cut.options import test_options as options_to_test
from tests.evaluation.measured_run import data, extractor, options_of  # noqa: F401 fixtures


@pytest.fixture
def run(data):  # noqa: F811 the fixture
    """`run("--ema_decay", "0.5")`: the folder of a trained run, and a function from words to the options of test.py."""

    def start(*words):
        assert train.main(options_of(data, "run", "--save_epoch_freq", "2", *words)) == 0
        place = ["--name", "run", "--checkpoints_dir", str(data / "checkpoints"), "--dataroot", str(data)]
        return data / "checkpoints/run", lambda *more: options_to_test([*place, "--gpu_ids", "-1", *more])

    return start


def test_the_average_is_saved_measured_and_used(run):
    folder, options = run("--ema_decay", "0.5")
    assert trained_epochs(options()) == ["2", "best", "latest"]
    assert weight_file(options(), "latest") == folder / "latest_ema_net_G.pth"
    assert weight_file(options(), "latest_ema") == folder / "latest_ema_net_G.pth"
    assert weight_file(options("--no_ema"), "2") == folder / "2_net_G.pth"
    average, trained = (
        torch.nn.utils.parameters_to_vector(trained_generator(options(*words), "latest").parameters())
        for words in ((), ("--no_ema",))
    )
    assert not torch.equal(average, trained)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    measured = [row["evaluation"] for row in rows if "evaluation" in row]
    assert all(row["unaveraged"].keys() == row["measures"].keys() for row in measured)
    assert measured[-1]["unaveraged"] != measured[-1]["measures"]


def test_an_average_that_the_run_has_not_kept(run):
    _, options = run()
    assert weight_file(options(), "latest").name == "latest_net_G.pth"
    with pytest.raises(
        UserError, match="no moving average of G, which --epoch latest_ema asks for: use --epoch latest"
    ):
        weight_file(options(), "latest_ema")
    with pytest.raises(UserError, match="--epoch 7_ema was not saved in .*: there are 2, best, latest"):
        weight_file(options(), "7_ema")
