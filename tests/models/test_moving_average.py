"""The moving average of weights by its definition; that it leaves training alone."""

import torch
from torch import nn

from cut.data.batch import Batch
from cut.models.moving_average import average_of, move_average
from cut.options import train_options
from cut.registry import MODELS
from tests.models.test_cut import TINY


def test_the_average_is_the_weighted_sum_of_all_weights():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    average = average_of(network)
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    for step in range(30):
        with torch.no_grad():
            for value in network.state_dict().values():
                value.add_(1 if value.dtype == torch.long else torch.randn_like(value))
        move_average(average, network, decay=0.7, updates=step)
        decay = min(0.7, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            counts = value.dtype == torch.long
            expected[name] = value.clone() if counts else decay * expected[name] + (1 - decay) * value
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert not any(weight.requires_grad for weight in average.parameters())


def test_averaging_does_not_change_training_and_knows_every_translator():
    images = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for name in ("cut", "cycle_gan"):
        words = TINY if name == "cut" else [*TINY[: TINY.index("--netF_nc")], "--model", "cycle_gan"]
        plain, averaged = (
            MODELS[name].factory(train_options([*words, "--ema_decay", decay])) for decay in ("0", "0.9")
        )
        for step in range(2):
            for model in (plain, averaged):
                batch = Batch(images[0], images[1])
                model.step(batch, model.draw(batch, torch.Generator().manual_seed(step), step=step))
                model.move_averages(step)
        for mine, theirs in zip(
            plain.networks.state_dict().values(), averaged.networks.state_dict().values(), strict=True
        ):
            assert torch.equal(mine, theirs)
        assert not plain.averages and set(averaged.averages) == set(averaged.translators.values())
        for direction in averaged.translators:
            mine, theirs = (
                nn.utils.parameters_to_vector(network.parameters())
                for network in (averaged.averaged_translator(direction), averaged.translator(direction))
            )
            assert not torch.equal(mine, theirs)
