"""Translate with a trained generator; `--help` lists every option.

The papers' protocol:  python test.py --dataroot FOLDER --name NAME
Images of your own:    python test.py --name NAME --input FILE_OR_FOLDER --output FOLDER
"""

import sys

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.options import Options, run_script, test_options


def main(options: Options) -> int:
    from cut.device import choose_device, describe_device  # imported only now: --help and --dry_run need none of it
    from cut.evaluation.protocols.dataset_results import translate_dataset
    from cut.evaluation.protocols.own_images import translate_files

    device = choose_device(options.run.gpu_ids, options.run.threads)
    print(describe_device(device, options.run.gpu_ids))
    translate = translate_dataset if options.testing.input is None else translate_files
    return translate(options, device)


if __name__ == "__main__":
    sys.exit(run_script(main, test_options, sys.argv[1:]))
