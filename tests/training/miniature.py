"""A loop in miniature: a model of three scalars and a loader that counts, so that every number is known."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from cut.data.batch import Batch
from cut.options import Options, train_options
from cut.training.checkpoints import RunFolder, TrainingState
from cut.training.listener import EpochEvent, EvaluationEvent, Evaluator, Listener, Progress, RunFacts, StepEvent
from cut.training.loop import Trainer


class Adding(torch.optim.Adam):
    """Has Adam's moments, but adds the gradients to the weights, whatever the rate."""

    @torch.no_grad()
    def step(self) -> None:
        weights = [weight for weight in self.param_groups[0]["params"] if weight.grad is not None]
        sums = [weight + weight.grad for weight in weights]
        super().step()
        for weight, total in zip(weights, sums, strict=True):
            weight.copy_(total)


class Model:
    """Every step adds the number of images to each weight; the loss G is what `losses` says, or 1."""

    device = torch.device("cpu")
    total_loss = "G"
    schedule_ahead = 0
    step_period = 1
    linear_decay = (0, 1)
    translators = {"AtoB": "G"}

    def __init__(self, losses=()) -> None:
        self.networks = nn.ModuleDict({name: nn.Linear(1, 1, bias=False) for name in "GDF"})
        for network in self.networks.values():
            nn.init.zeros_(network.weight)
        self.averages = nn.ModuleDict()
        self.optimizers = {"G": Adding(self.networks["G"].parameters())}
        self.losses = list(losses)
        self.rates: list[float] = []
        self.steps = 0

    def prepare(self, batches, say) -> None:
        pass

    def draw_share(self, batch: Batch, generator: torch.Generator, epoch: int, last_epoch: int, step: int):
        return torch.rand((), generator=generator).item()

    def train_step(self, batch: Batch, draws) -> dict[str, torch.Tensor]:
        return self.step(batch, draws)

    def step(self, batch: Batch, draws) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            self.networks["D"].weight += len(batch)
            self.networks["F"].weight += len(batch)
        weight = self.networks["G"].weight
        weight.grad = torch.full_like(weight, len(batch))
        self.optimizers["G"].step()
        value = self.losses[self.steps] if self.steps < len(self.losses) else 1.0
        self.steps += 1
        return {"D_real": torch.tensor(0.5), "G": torch.tensor(value)}

    def pictures(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"real_A": batch.source}

    def translating(self) -> tuple[str, ...]:
        return ("G",)

    def move_averages(self, updates: int) -> None:
        pass

    def extra_state(self) -> dict:
        return {}

    def rate_factor(self, step: int) -> float:
        return 1.0

    def set_learning_rate(self, rate: float) -> None:
        self.rates.append(rate)


@dataclass
class Loader:
    """`batches` batches of `size` images an epoch."""

    batches: int
    size: int

    def __len__(self) -> int:
        return self.batches

    def epoch(self, epoch: int, start_batch: int = 0, *, stopped=None, say=None) -> Iterator[Batch]:
        for number in range(start_batch, self.batches):
            images = torch.zeros(self.size, 3, 2, 2)
            paths = [tuple(f"{side}{epoch}-{number}-{at}.png" for at in range(self.size)) for side in "AB"]
            yield Batch(images, images, *paths)


@dataclass
class Recorder(Listener):
    """Writes down what it is told."""

    saves: list[tuple[int, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    steps: list[StepEvent] = field(default_factory=list)
    evaluations: list[EvaluationEvent] = field(default_factory=list)

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.events.append("start")

    def after_step(self, event: StepEvent) -> None:
        self.events.append("step")
        self.steps.append(event)

    def after_epoch(self, event: EpochEvent) -> None:
        self.events.append(f"epoch {event.progress.epoch}")

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.events.append(f"evaluation {event.evaluation.epoch}")
        self.evaluations.append(event)

    def after_save(self, progress: Progress, labels: tuple[str, ...]) -> None:
        self.saves += [(progress.images, label) for label in labels]

    def message(self, text: str) -> None:
        self.messages.append(text)

    def finish(self, progress: Progress) -> None:
        self.events.append("finish")


def trainer(
    folder, *arguments: str, model=None, batches=5, size=1, listeners=(), state=None, evaluator: Evaluator | None = None
) -> Trainer:
    """A trainer in `folder`, of two epochs unless told otherwise."""
    words = ["--dataroot", "x", "--n_epochs", "1", "--n_epochs_decay", "1", "--batch_size", str(size)]
    words += ["--checkpoints_dir", str(folder.parent), "--name", folder.name, *arguments]
    folder.mkdir(exist_ok=True)
    run, state = RunFolder(folder), state or TrainingState()
    loader = Loader(batches, size)
    return Trainer(train_options(words), model or Model(), loader, run, state, list(listeners), evaluator)


def weight_of(file) -> float:
    """The one weight of a network in a file: how many images it had seen."""
    return torch.load(file, weights_only=True)["weight"].item()
