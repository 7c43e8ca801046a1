"""The one object that defines a run."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cut.errors import UserError
from cut.options.groups import (
    GROUPS,
    CheckpointOptions,
    DataOptions,
    DiscriminatorOptions,
    EvaluationOptions,
    FormatOptions,
    MonitoringOptions,
    NetworkOptions,
    RunOptions,
    TestingOptions,
    TrainingOptions,
)
from cut.options.machinery.catalogue import OF_METHOD, catalogue, under_own_names
from cut.options.machinery.words import did_you_mean
from cut.registry import MODELS


class Own(Mapping[str, Any]):
    """The own options of components, by name; it cannot be changed and it pickles."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Own({self._values!r})"


@dataclass(frozen=True)
class Options:
    """What a run is: decided once by `train_options` or `test_options`, then only read.

    Attributes:
        method: the method's own options, an instance of the dataclass that it is registered with; None without one.
        own: the own options of its components, by name (`options.own["lambda_GP"]`).
        is_train: whether the run trains; the options that only the other script takes keep their defaults.
        dry_run: only show the options.
        backward: whether test.py is to translate against the direction that the run was trained with.
        changes: sentences about what `--continue_train` changes in the saved options, for the loop to say.
    """

    run: RunOptions = RunOptions()
    data: DataOptions = DataOptions()
    formats: FormatOptions = FormatOptions()
    networks: NetworkOptions = NetworkOptions()
    discriminator: DiscriminatorOptions = DiscriminatorOptions()
    training: TrainingOptions = TrainingOptions()
    checkpoints: CheckpointOptions = CheckpointOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    monitoring: MonitoringOptions = MonitoringOptions()
    testing: TestingOptions = TestingOptions()
    method: Any = None
    own: Mapping[str, Any] = field(default_factory=Own)
    is_train: bool = True
    dry_run: bool = False
    changes: tuple[str, ...] = ()
    backward: bool = False

    @property
    def script_phase(self) -> str:
        """Which script's options these are, "train" or "test"; `run.phase` is the folder that images are read from."""
        return "train" if self.is_train else "test"

    @classmethod
    def build(cls, values: Mapping[str, Any], **state: Any) -> "Options":
        """Options from checked values by name; what is not a field of a group or the method's is a component's own."""
        parts, left = {}, dict(values)
        for attribute, group in _groups(values["model"]).items():
            names = [item.name for item in dataclasses.fields(group) if item.name in left]
            parts[attribute] = group(**{name: left.pop(name) for name in names})
        return cls(**parts, own=Own(left), **state)

    def flat(self) -> dict[str, Any]:
        """Every option that this phase and method take, by name."""
        values = self._all()
        return {
            name: values[name]
            for name, declaration in catalogue(self.run.model).items()
            if name in values and declaration.offered(self.script_phase)
        }

    def replace(self, **values: Any) -> "Options":
        """The same options with some of them changed, by name; published names are understood too.

        Raises:
            UserError: for a name or a value that does not exist, with the nearest.
        """
        known, problems = catalogue(self.run.model), []
        everything = self._all()
        for name, raw in under_own_names(values, self.run.model).items():
            if name not in everything or name not in known:
                problems.append(f"There is no option {name}{did_you_mean(name, everything)}.")
                continue
            try:
                everything[name] = known[name].read(raw)
            except ValueError as error:
                problems.append(f"{name} {error}.")
        if problems:
            raise UserError(*problems)
        return Options.build(
            everything, is_train=self.is_train, dry_run=self.dry_run, changes=self.changes, backward=self.backward
        )

    def _all(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for attribute, own in _groups(self.run.model).items():
            values |= vars(getattr(self, attribute) or own())
        return values | dict(self.own)


def _groups(model: str) -> dict[str, type]:
    """The dataclasses that hold a method's options, by the attribute of `Options`; its own is one of them."""
    own = MODELS[model].options
    return GROUPS if own is None else {**GROUPS, OF_METHOD: own}
