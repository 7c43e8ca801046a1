"""What a run is: frozen options by concern, resolved once from defaults, presets, YAML and the command line."""

from cut.options.machinery.declare import (
    Count,
    at_least,
    at_least_and_below,
    between,
    finite_at_least,
    option,
    positive,
)
from cut.options.machinery.printing import as_saved_yaml, as_train_opt, as_yaml
from cut.options.machinery.rules import Rule
from cut.options.machinery.words import no_image_pool, parse_taps, tap_list, with_negative_values
from cut.options.options import Options
from cut.options.resolve import check_together, test_options, train_options
from cut.options.script import run_script

__all__ = [
    "Count",
    "Options",
    "Rule",
    "as_saved_yaml",
    "as_train_opt",
    "as_yaml",
    "at_least",
    "at_least_and_below",
    "between",
    "check_together",
    "finite_at_least",
    "no_image_pool",
    "option",
    "parse_taps",
    "positive",
    "run_script",
    "tap_list",
    "test_options",
    "train_options",
    "with_negative_values",
]
