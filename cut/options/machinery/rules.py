"""Checks that involve several options. Each returns a sentence, or None."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from cut.errors import counted
from cut.options.machinery.catalogue import chosen_entries
from cut.options.machinery.words import file_name
from cut.registry import MODELS

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """A check, and what it looks at: it is skipped when one of these was already refused or is missing.

    Attributes:
        names: the options it reads.
        check: returns a sentence when they do not fit together.
        phase: the script it is for; None for both.
        before_running: whether it applies only to a run, and not to options that are merely printed.
    """

    names: tuple[str, ...]
    check: Callable[[Values], str | None]
    phase: str | None = None
    before_running: bool = False


def problems_together(values: Values, rejected: Set[str], phase: str, to_run: bool) -> list[str]:
    """A sentence for every rule that the values break; `to_run` when a script is about to use them."""
    own: list[Rule] = [rule for entry in chosen_entries(values) for rule in entry.rules]
    rules = [rule for rule in (*RULES, *own) if rule.phase in (None, phase) and (to_run or not rule.before_running)]
    usable = values.keys() - rejected
    return [problem for rule in rules if usable >= set(rule.names) and (problem := rule.check(values))]


def crop_fits(values: Values) -> str | None:
    words = values["preprocess"].split("_and_")
    scaled = "resize" in words or "scale_width" in words
    if not scaled or "crop" not in words or values["crop_size"] <= values["load_size"]:
        return None
    return (
        f"--crop_size {values['crop_size']} is larger than --load_size {values['load_size']}, "
        f"to which images are scaled before they are cropped; give a --load_size of at least {values['crop_size']}."
    )


def data_given(values: Values) -> str | None:
    if values["dataroot"] != "placeholder" or values.get("input") is not None:
        return None
    sides = [letter for letter in "AB" if values[f"dataroot_{letter}"] is None]
    if not sides or (len(sides) == 1 and "input" in values):  # of two sides test.py needs one
        return None
    if len(sides) == 1:
        return (
            f"Side {sides[0]} has no images: give --dataroot_{sides[0]}, or --dataroot with a folder train{sides[0]}."
        )
    return "Give --dataroot, the folder that holds your images" + (
        ", or --input and --output." if "input" in values else " in trainA and trainB."
    )


def input_and_output(values: Values) -> str | None:
    if (values["input"] is None) == (values["output"] is None):
        return None
    missing, given = ("output", "input") if values["output"] is None else ("input", "output")
    return f"--{given} needs --{missing} too: --input is what to translate, --output where the result goes."


def bands_fit(values: Values) -> str | None:
    """As many bands as channels, on both sides."""
    of = {"A": "input_nc", "B": "output_nc"} if values["direction"] == "AtoB" else {"A": "output_nc", "B": "input_nc"}
    for letter, channels in of.items():
        bands = values[f"bands_{letter}"]
        if bands is not None and len(bands.split(",")) != values[channels]:
            named = counted(len(bands.split(",")), "band")
            return f"--bands_{letter} {bands} names {named}, but --{channels} is {values[channels]}: make them equal."
    return None


def preview_can_be_shown(values: Values) -> str | None:
    if values["preview_bands"] is None:
        return None
    shown, most = (
        [int(band) for band in values["preview_bands"].split(",")],
        max(values["input_nc"], values["output_nc"]),
    )
    if len(shown) in (1, 3) and max(shown) <= most:
        return None
    return f"--preview_bands {values['preview_bands']} must be one band or three, of {most}."


def turns_leave_sizes(values: Values) -> str | None:
    words = set(values["preprocess"].split("_and_"))
    if "rot90" not in values["augment"] or words & {"resize", "crop", "patch"}:
        return None
    return "--augment rot90 needs squares: use a --preprocess with crop."


def epochs_to_train(values: Values) -> str | None:
    last = values["n_epochs"] + values["n_epochs_decay"]
    if values["epoch_count"] <= last:
        return None
    return (
        f"There is no epoch to train: --n_epochs {values['n_epochs']} and --n_epochs_decay {values['n_epochs_decay']} "
        f"end at epoch {last}, and --epoch_count is {values['epoch_count']}."
    )


def r1_fits_the_loss(values: Values) -> str | None:
    if values["lambda_R1"] == 0 or values["gan_mode"] != "wgangp":
        return None
    return (
        "--lambda_R1 pulls the discriminator's gradient to 0 and --gan_mode wgangp pulls it to 1: use --lambda_R1 0 or "
        "another GAN loss, such as nonsaturating."
    )


def batch_norm_has_a_batch(values: Values) -> str | None:
    published = MODELS[values["model"]].defaults.get("train", {}).get("normG") == "batch"
    if values["normG"] != "batch" or values["batch_size"] > 1 or values["continue_train"] or published:
        return None
    return (
        "--normG batch takes its statistics from a batch, and --batch_size is 1: use --batch_size 2 or more, or "
        "--normG layer, which needs no batch."
    )


def name_stays_in_folder(values: Values) -> str | None:
    expected = file_name(values["name"])
    return f"The run's name with its --suffix is {values['name']!r} but must be {expected}." if expected else None


def early_stopping_measures(values: Values) -> str | None:
    if not values["early_stopping"] or values["evaluation_epoch_freq"]:
        return None
    return "--early_stopping waits for a better measure, and --evaluation_epoch_freq 0 measures nothing: give another."


RULES = (
    Rule(("name",), name_stays_in_folder),
    Rule(("dataroot", "dataroot_A", "dataroot_B"), data_given, before_running=True),
    Rule(("input", "output"), input_and_output),
    Rule(("load_size", "crop_size", "preprocess"), crop_fits),
    Rule(("n_epochs", "n_epochs_decay", "epoch_count"), epochs_to_train),
    Rule(("bands_A", "bands_B", "input_nc", "output_nc", "direction"), bands_fit),
    Rule(("preview_bands", "input_nc", "output_nc"), preview_can_be_shown),
    Rule(("augment", "preprocess"), turns_leave_sizes, "train"),
    Rule(("lambda_R1", "gan_mode"), r1_fits_the_loss, "train"),
    Rule(("early_stopping", "evaluation_epoch_freq"), early_stopping_measures, "train"),
    Rule(("model", "normG", "batch_size", "continue_train"), batch_norm_has_a_batch, "train", before_running=True),
)
