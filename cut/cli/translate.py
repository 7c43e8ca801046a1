"""`cut translate` and test.py."""

from collections.abc import Sequence

from cut.options import Options, run_script, test_options


def main(words: Sequence[str]) -> int:
    """Translate with the options of a command line; returns the exit status."""
    return run_script(translate, test_options, words)


def translate(options: Options) -> int:
    """The papers' protocol on a data set, or `--input` into `--output`; returns the exit status."""
    from cut.device import choose_device, describe_device  # imported only now: --help and --dry_run need none of it
    from cut.evaluation.protocols.dataset_results import translate_dataset
    from cut.evaluation.protocols.own_images import translate_files

    device = choose_device(options.run.gpu_ids, options.run.threads)
    print(describe_device(device, options.run.gpu_ids))
    work = translate_dataset if options.testing.input is None else translate_files
    return work(options, device)
