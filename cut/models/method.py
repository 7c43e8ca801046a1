"""`Method`, the base class of all methods: named networks, their optimizers, and one training step.

To add a method, write one file beside this one: a dataclass of its options and a class that registers itself.
`cut/models/cyclegan.py` is an example. All other code asks the method and names no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cut.errors import UserError, counted
from cut.lazy import torch
from cut.models.build import build_generator
from cut.models.draws import StepDraws, draw_seed
from cut.models.image_sizes import fits, remedy
from cut.models.moving_average import average_of, move_average
from cut.networks.mode import mode
from cut.options import Options
from cut.precision import Arithmetic, full
from cut.processes.dealing import dealing
from cut.processes.group import average_gradients, count, own_share

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.networks.interface import Discriminator, Generator

    Logs = dict[str, Tensor]


PENALTY_NEEDS_ONE_SHAPE = "the gradient penalty needs source and target of one size; use another --gan_mode"


class Method:
    """Networks with their optimizers, and one training step.

    Args:
        options: as from `train_options`; the initial weights follow from `options.run.seed`.
        device: where the networks live and steps run.
        dtype: of the weights; batches must match.

    Attributes:
        loss_names: what `step` may log, in logging order.
        total_loss: the one of `loss_names` that is the total loss of the generators.
        translators: the network of each direction, or several where one alone does not translate (see `join`); A is the
            source domain, also where `--direction BtoA` swaps the domains.
        parts: the methods that a step calls one after another, and what each does, for the benchmark.
        schedule_ahead: epochs by which the learning rate runs ahead of the schedule.
        linear_decay: under `--lr_policy linear`, how many epochs early it falls, and in n_epochs_decay + what steps.
        translates_as_in_training: whether dropout and batch statistics are meant to act when it translates, in previews
            too; test.py lets them act for every method, unless `--eval` is given.
        gradient_limits: by the name of an optimizer, the largest norm of the gradient that it steps on.
        networks: by published name, which is also in the names of the weight files.
        optimizers: by the name of a network, or by any name where one optimizer steps several.
        averages: moving averages of the networks that translate, by the same names; none without `--ema_decay`.
        steps_per_epoch: of the run that trains; None outside of one.
        step_period: after how many steps it starts again from the first kind of step; 1 where steps do not take turns.

    Raises:
        UserError: when the options do not fit together, such as a crop that is too small for a network.
    """

    loss_names: tuple[str, ...]
    total_loss: ClassVar[str] = "G"
    translators: ClassVar[Mapping[str, str | tuple[str, ...]]] = {"AtoB": "G"}
    parts: ClassVar[Mapping[str, str]] = {}
    schedule_ahead: ClassVar[int] = 0
    linear_decay: ClassVar[tuple[int, int]] = (0, 1)
    translates_as_in_training: ClassVar[bool] = False
    gradient_limits: ClassVar[Mapping[str, float]] = {}
    steps_per_epoch: int | None = None
    step_period: int = 1

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.options, self.device, self.dtype = options, torch.device(device), dtype or torch.float32
        self.check_size(options.data.crop_size, options.data.crop_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.run.seed)
            networks = self.build_networks()
        self.arithmetic = Arithmetic.of(options, self.device)
        self.networks: nn.ModuleDict = self.arithmetic.place(torch.nn.ModuleDict(networks).to(dtype=self.dtype))
        self.optimizers: dict[str, torch.optim.Optimizer] = self.build_optimizers()
        self._own_rates = {
            name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in self.optimizers.items()
        }
        translating = all_names(self.translators) if options.training.ema_decay else ()
        self.averages: nn.ModuleDict = torch.nn.ModuleDict(
            {name: average_of(self.networks[name]) for name in translating}
        )

    # ------------------------------------------------------------------ what a method defines

    def build_networks(self) -> dict[str, nn.Module]:
        """The networks with fresh weights from the global random generator, on torch's default device."""
        raise NotImplementedError

    def step(self, batch: Batch, draws: Any) -> Logs:
        """Train on one batch.

        Args:
            batch: (B, C, H, W) images in [−1, 1] on this method's device.
            draws: as from `draw`.

        Returns:
            Scalars without a graph, by published name, in logging order. Gradients stay in `.grad` until the next step.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------ what a method may override

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One Adam for each network that has weights."""
        return {name: self.adam(name) for name, network in self.networks.items() if list(network.parameters())}

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> StepDraws:
        """All random numbers of a step, on the CPU, and the progress of the run.

        Args:
            batch: only its shapes are used; it is the batch of all processes of the run.
            generator: a CPU generator; None for the global one.
            epoch, last_epoch, step: see `StepDraws`.
        """
        return StepDraws(seed=draw_seed(generator), epoch=epoch, last_epoch=last_epoch, step=step)

    def check_size(self, width: int, height: int) -> None:
        """Refuse images of a size, in pixels, that a network cannot process.

        Raises:
            UserError: one sentence for each network that cannot, or when memory cannot hold a batch.
        """
        from cut.memory import LargestOperation, require

        with torch.device("meta"):
            networks = self.build_networks()
        with LargestOperation() as largest:
            problems = self.size_problems(networks, width, height)
        if problems:
            raise UserError(*dict.fromkeys(problems))
        size = self.options.data.batch_size // count() if self.options.is_train else 1
        what = f"A batch of {counted(size, 'image')} of {width}×{height} pixels needs at least"
        require(size * largest.bytes, what, self.device)

    def size_problems(self, networks: Mapping[str, nn.Module], width: int, height: int) -> list[str]:
        """What keeps networks on the meta device from processing images of a size, a sentence each."""
        from cut.networks.interface import Discriminator, Generator

        kinds: tuple[type[Generator | Discriminator], ...] = (Generator, Discriminator)
        return [
            f"Images of {width}×{height} pixels do not fit {name}: {remedy(network, width, height)}."
            for kind, name in zip(kinds, self.chosen_by, strict=True)
            for network in networks.values()
            if isinstance(network, kind)
            and not fits(network, network.image_channels, width, height, (self.options.data.crop_size,))
        ]

    def prepare(self, batches: Iterable[Batch], say: Callable[[str], object]) -> None:
        """What has to be measured on training images before the first step; a continued run has it in `extra_state`.

        Args:
            batches: of images as training sees them, on the CPU, in an epoch of their own. Only those that are taken
                are loaded.
            say: takes sentences for the user.

        Raises:
            UserError: when these images cannot be trained on.
        """

    @property
    def chosen_by(self) -> tuple[str, str]:
        """How messages name a generator and a discriminator: by the options that decide what it accepts."""
        return f"--netG {self.options.networks.netG}", f"--netD {self.options.discriminator.netD}"

    def kind_of_step(self, draws: Any) -> Any:
        """What Python decides in a step, as a value that can be compared: steps of one kind are the same operations on
        tensors, so that `--cuda_graphs` may record one for all. Methods whose steps have no kinds leave this out."""
        raise NotImplementedError

    def rate_factor(self, step: int) -> float:
        """What the learning rate of the epoch is multiplied by after so many steps of the run."""
        return 1.0

    def join(self, networks: Sequence[nn.Module], direction: str) -> nn.Module:
        """The module that translates with the networks of a direction, which are in the order of `translators`."""
        (network,) = networks
        return network

    @property
    def one_shape(self) -> str | None:
        """Why the source and the target of a step must be of one shape, with what to do else; None where they need not:
        "the identity loss needs …; use …"."""
        return None

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Pictures of a batch by published name, (B, C, H, W) in [−1, 1], in display order; nothing is trained."""
        with mode(self.translator(), training=False):  # leaves batch norm's running statistics alone
            fake = self.translate(batch.source)
        return {"real_A": batch.source, "fake_B": fake, **({} if batch.target is None else {"real_B": batch.target})}

    def extra_state(self) -> dict[str, Any]:
        """What the next step depends on besides weights and optimizers (image pools, moving averages, statistics).

        Tensors, numbers, strings, and lists and dictionaries of these; saved in the training state. It is asked before
        every step too, so that a step that fails can be taken back: return clones of tensors that a step changes in
        place.
        """
        return {}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `extra_state` returned."""

    # ------------------------------------------------------------------ helpers of a method

    def adam(
        self, *names: str, lr: float | None = None, betas: tuple[float, float] | None = None, weight_decay: float = 0.0
    ) -> torch.optim.Adam:
        """One Adam over the weights of these networks, as the options set it.

        Args:
            lr, betas: instead of the options'. The schedule multiplies this rate as it does theirs.
            weight_decay: factor of the weights that are added to their gradients.
        """
        training = self.options.training
        weights = [weight for name in names for weight in self.networks[name].parameters()]
        one_pass = self.device.type in ("cpu", "cuda")  # all of a weight's arithmetic at once, where there is a kernel
        lr, betas = lr or training.lr, betas or (training.beta1, training.beta2)
        return torch.optim.Adam(weights, lr=lr, betas=betas, weight_decay=weight_decay, fused=one_pass)

    def update(self, loss: Tensor, *names: str) -> None:
        """One step of the optimizers of these names on the gradient of `loss`, the mean over the run's processes."""
        for name in names:
            if name in self.optimizers:
                self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self._step(names)

    def update_in_turn(self, *updates: tuple[Tensor, tuple[str, ...]]) -> None:
        """`update` for each loss and its names, one after another, on gradients that are all taken before the first."""
        weights = [[weight for name in names for weight in self._weights(name)] for _, names in updates]
        gradients = [
            torch.autograd.grad(loss, own, retain_graph=number + 1 < len(updates), allow_unused=True)
            for number, ((loss, _), own) in enumerate(zip(updates, weights, strict=True))
        ]
        for (_, names), own, own_gradients in zip(updates, weights, gradients, strict=True):
            for weight, gradient in zip(own, own_gradients, strict=True):
                weight.grad = gradient
            self._step(names)

    def _step(self, names: Sequence[str]) -> None:
        """One step of the optimizers of these names on the gradients that their weights have."""
        names = [name for name in names if name in self.optimizers]
        average_gradients(weight for name in names for weight in self._weights(name))
        for name in names:
            if name in self.gradient_limits:
                torch.nn.utils.clip_grad_norm_(self._weights(name), self.gradient_limits[name])
            self.optimizers[name].step()
        self.arithmetic.forget_casts()

    def _weights(self, name: str) -> list[Tensor]:
        """Those that an optimizer steps."""
        return [weight for group in self.optimizers[name].param_groups for weight in group["params"]]

    def begin(self, draws: Any) -> Any:
        """Seed the global generators from the draws, and move the draws to this method's device."""
        if draws.seed is not None:
            torch.manual_seed(draws.seed)
        return draws.to(self.device, self.dtype)

    def in_logging_order(self, logs: Logs) -> Logs:
        """The losses without their graph, in the order of `loss_names`."""
        return {name: logs[name].detach() for name in self.loss_names if name in logs}

    # ------------------------------------------------------------------ what other code calls

    def translator(self, direction: str = "AtoB") -> nn.Module:
        """The generator of this direction as it is trained; A is the source domain."""
        return self.join([self.networks[name] for name in as_names(self.translators[direction])], direction)

    def averaged_translator(self, direction: str = "AtoB") -> nn.Module | None:
        """Its moving average; None without `--ema_decay`."""
        if not self.averages:
            return None
        return self.join([self.averages[name] for name in as_names(self.translators[direction])], direction)

    def move_averages(self, updates: int) -> None:
        """Bring the moving averages up to date after a step; `updates` is the number of steps before it."""
        for name, average in self.averages.items():
            move_average(average, self.networks[name], self.options.training.ema_decay, updates)

    @classmethod
    def translator_names(cls, options: Options) -> tuple[str, ...]:
        """The networks with which test.py translates under these options.

        Raises:
            UserError: when the options ask for the reverse direction, and the method has no network for it.
        """
        if options.backward and "BtoA" not in cls.translators:
            raise UserError(
                f"--model {options.run.model} translates only as it was trained: leave out --direction "
                f"{options.data.direction}, or train a run with it."
            )
        return as_names(cls.translators["BtoA" if options.backward else "AtoB"])

    @classmethod
    def build_translator(cls, options: Options) -> Generator:
        """What the networks that `translator_names` names make together, with fresh weights; test.py builds no other
        network."""
        return build_generator(options)

    def draw_share(self, batch: Batch, generator: torch.Generator, epoch: int, last_epoch: int, step: int) -> Any:
        """`draw` for the batch of all processes; what it says of single images, for those of this process."""
        whole = batch.map(lambda images: images.new_empty(count() * len(images), *images.shape[1:], device="meta"))
        return self.draw(whole, generator, epoch, last_epoch, step).of_images(own_share(len(batch)))

    def train_step(self, batch: Batch, draws: Any) -> Logs:
        """`step` on images from anywhere, in the run's precision and layout."""
        with self.arithmetic.region(), dealing(len(batch)):
            return self.step(self.arithmetic.batch(batch), draws)

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        """`preview` of images from anywhere, in the run's precision and layout; float32 on the CPU."""
        with self.arithmetic.region():
            return {name: full(image).cpu() for name, image in self.preview(self.arithmetic.batch(batch)).items()}

    def translate(self, source: Tensor) -> Tensor:
        """(B, C, H, W) images of the source domain in [−1, 1] → the target domain, in the network's current mode."""
        with torch.inference_mode(), self.arithmetic.region():
            return full(self.translator()(self.arithmetic.images(source)))

    def set_learning_rate(self, rate: float) -> None:
        """The schedule's rate for weights whose optimizer was made with `--lr`; others keep their ratio to it."""
        for name, optimizer in self.optimizers.items():
            for group, own in zip(optimizer.param_groups, self._own_rates[name], strict=True):
                group["lr"] = rate * (own / self.options.training.lr)


def as_names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """A value of `Method.translators` as a tuple."""
    return (names,) if isinstance(names, str) else names


def all_names(translators: Mapping[str, str | tuple[str, ...]]) -> tuple[str, ...]:
    """The networks that translate in any direction."""
    return tuple(dict.fromkeys(name for names in translators.values() for name in as_names(names)))
