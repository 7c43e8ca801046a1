"""Checks of options whose text has a form of its own, and helpers for messages about options.

A check returns what the value must be when it is not, else None.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Any

PREPROCESS_WORDS = ("resize", "scale_width", "scale_shortside", "zoom", "crop", "patch", "trim")
AUGMENTATION_WORDS = ("color", "translation", "cutout")
LARGEST = 2**63  # no option needs a greater number


def file_name(text: str) -> str | None:
    """A name that stays in its folder: no path separators, and not the folder itself or its parent.

    It is shown on pages and stands in files of text, so it is text: not bytes in another encoding than UTF-8.
    """
    if re.search("[\ud800-\udfff]", text):
        return "a name in UTF-8"
    usable = text.strip() not in ("", ".", "..") and not re.search(r"[/\\\0]", text)
    return None if usable else "a name that is not empty and has no path separators"


def parse_taps(text: str) -> tuple[int, ...]:
    """`"0,4,8"` as `(0, 4, 8)`.

    Raises:
        ValueError: when a part is not a whole number.
    """
    return tuple(int(part) for part in text.split(","))


def tap_list(text: str) -> str | None:
    """Layer numbers, in any order, none twice."""
    expected = "different layer numbers of at least 0 separated by commas, such as 0,4,8"
    try:
        taps = parse_taps(text)
    except ValueError:
        return expected
    return expected if min(taps) < 0 or len(set(taps)) < len(taps) else None


def preprocess_words(text: str) -> str | None:
    """Words of `PREPROCESS_WORDS` joined by _and_, or none."""
    if text == "none":
        return None
    for word in text.split("_and_"):
        if word not in PREPROCESS_WORDS:
            hint = did_you_mean(word, PREPROCESS_WORDS)
            return f"none, or words out of {', '.join(PREPROCESS_WORDS)} joined by _and_{hint}"
    return None


def augmentation_words(text: str) -> str | None:
    """Different words of `AUGMENTATION_WORDS` separated by commas, or none."""
    words = text.split(",")
    if text == "none" or (set(words) <= set(AUGMENTATION_WORDS) and len(set(words)) == len(words)):
        return None
    unknown = next((word for word in words if word not in AUGMENTATION_WORDS), "")
    hint = did_you_mean(unknown, AUGMENTATION_WORDS)
    return f"none, or different words out of {', '.join(AUGMENTATION_WORDS)} separated by commas{hint}"


def gpu_choice(text: str) -> str | None:
    """auto, -1 or the number of one GPU."""
    if re.fullmatch(r"auto|-1|\d+", text):
        return None
    several = text.count(",") + 1 if re.fullmatch(r"\d+(,\d+)+", text) else 0
    advice = f"; for several GPUs start `torchrun --nproc_per_node {several} train.py …` without it" if several else ""
    return f"auto, -1 for the CPU, or the number of one GPU{advice}"


def no_image_pool(size: int) -> str | None:
    """CUT judges only the latest translations; the published program took the option and ignored it."""
    return None if size == 0 else "0: CUT has no image pool"


def color(text: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z]+|#[0-9A-Fa-f]{6}", text) else "a colour name or #rrggbb"


def did_you_mean(word: str, candidates: Iterable[str], likeness: float = 0.6) -> str:
    """`" (did you mean X?)"` with the candidate nearest to `word`, or an empty string when none is near."""
    by_lower_case = {candidate.lower(): candidate for candidate in candidates}
    near = difflib.get_close_matches(str(word).lower(), by_lower_case, n=1, cutoff=likeness)
    return f" (did you mean {by_lower_case[near[0]]}?)" if near else ""


SYNONYMS: dict[str, tuple[str, ...]] = {
    "n_epochs": ("epochs", "epochs_total", "max_epochs", "num_epochs", "niter", "nepochs"),
    "n_epochs_decay": ("decay_epochs", "epochs_decay", "niter_decay"),
    "epoch": ("epochs", "which_epoch"),
    "lr": ("learning_rate", "learningrate", "base_lr"),
    "beta1": ("betas", "adam_beta1"),
    "batch_size": ("batchsize", "bs", "batch"),
    "load_size": ("loadsize", "image_size", "img_size", "imsize", "resize", "size", "resolution"),
    "crop_size": ("finesize", "cropsize", "patch_size"),
    "dataroot": ("data", "dataset", "data_dir", "datadir", "data_path", "data_root", "dataset_path", "root"),
    "num_threads": ("nthreads", "workers", "num_workers", "n_workers", "j"),
    "gpu_ids": ("gpu", "gpus", "gpu_id", "device", "devices", "cuda"),
    "lambda_identity": ("identity",),
    "gan_mode": ("no_lsgan",),
    "no_dropout": ("use_dropout",),
    "preprocess": ("resize_or_crop",),
    "display_ncols": ("display_single_pane_ncols",),
    "continue_train": ("resume", "continue", "continue_training", "restart"),
    "pretrained_name": ("pretrained", "weights", "checkpoint", "load", "init_from", "finetune"),
    "results_dir": ("output_dir", "out_dir", "outdir", "save_dir", "results"),
    "checkpoints_dir": ("checkpoints", "checkpoint_dir", "ckpt_dir", "save_dir", "output_dir", "out_dir", "outdir"),
    "name": ("exp_name", "experiment", "experiment_name", "run_name", "run", "id"),
    "model": ("method", "algorithm"),
    "CUT_mode": ("mode", "preset"),
    "netG": ("generator", "which_model_netg", "arch", "architecture"),
    "netD": ("discriminator", "which_model_netd"),
    "direction": ("which_direction",),
    "seed": ("random_seed", "manual_seed", "rng_seed"),
    "num_test": ("how_many", "num_images", "limit"),
    "nce_T": ("temperature", "tau"),
    "nce_sampler": ("qs_mode",),
    "print_freq": ("log_freq", "log_every", "log_interval"),
    "save_epoch_freq": ("save_freq", "save_every", "save_interval"),
    "config": ("cfg", "config_file", "yaml"),
    "dry_run": ("print_options", "dry"),
}
"""Names that other programs, and earlier versions of the published one, give to these options."""

VALUES_ELSEWHERE: dict[tuple[str, str], str] = {
    ("model", "qs"): "--model cut --nce_sampler qs_global, qs_local or qs_local_global",
    ("model", "fastcut"): "--model cut --CUT_mode FastCUT",
    ("model", "cyclegan"): "--model cycle_gan",
}
"""An option with a value that other programs know, in lower case → what to write here."""


def nearest_option(name: str, known: Iterable[str]) -> str:
    """As `did_you_mean`, for the name of an option: hyphens, capitals and the names of other programs count as near."""
    plain, known = name.lower().replace("-", "_"), list(known)
    meant = next((own for own, others in SYNONYMS.items() if own in known and plain in others), None)
    return f" (did you mean {meant}?)" if meant else did_you_mean(plain, known)


def unusable_letters(text: str) -> bool:
    """Whether a text has a letter that neither a file name nor a terminal can take: NUL, or half of a pair.

    Names that are not UTF-8 have halves of pairs too, but those that stand for their bytes.
    """
    try:
        return b"\0" in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return True


def brief(value: Any) -> str:
    """A value that was refused, as Python writes it, but not longer than a line."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 100 else f"{text[:80]}… ({len(text):,} letters)"


def shown(value: Any) -> str:
    """A value as a user writes it: true, false and none in lower case, and quotes for an empty text."""
    return str(value).lower() if isinstance(value, bool | None) else str(value) or "''"


def with_negative_values(words: Iterable[object]) -> list[str]:
    """The words of a command line, in which argparse takes "-1000,400" for a value and not for an option.

    It does so where there is a space in it.
    """
    return [f" {word}" if re.fullmatch(r"-[\d.]+(,-?[\d.]+)+", str(word)) else str(word) for word in words]


def without_added_space(word: str) -> str:
    """A word as it was before `with_negative_values`."""
    return word[1:] if word.startswith(" -") else word
