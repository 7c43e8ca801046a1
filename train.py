"""Train a model: `python train.py --dataroot FOLDER --name NAME [--CUT_mode FastCUT]`; `--help` lists every option."""

import sys

from cut.options import Options, run_script, train_options


def main(options: Options) -> int:
    import torch  # imported with the rest only now: --help and --dry_run need none of it

    from cut.data.loader import make_dataset, make_loader
    from cut.device import choose_device, describe_device
    from cut.evaluation.evaluator import make_evaluator
    from cut.evaluation.held_out_previews import HeldOutPreviews
    from cut.monitoring import make_listeners
    from cut.registry import MODELS
    from cut.training.checkpoints import RunFolder
    from cut.training.loop import Trainer
    from cut.training.start import starting_state

    device = choose_device(options.run.gpu_ids)
    dataset = make_dataset(options)
    model = MODELS[options.run.model].factory(options, device)
    model.check_size(*dataset.smallest)
    torch.backends.cudnn.benchmark = dataset.one_size  # searching for fast convolutions is worthwhile when sizes repeat
    if options.run.verbose:
        print(model.networks)
    evaluator, on_measures = make_evaluator(options, model.translator(), device, dataset)
    folder = RunFolder(options.run.folder)
    with folder.locked():
        state, messages = starting_state(options, model, dataset.fingerprint(), folder)
        loader = make_loader(options, dataset)
        previewer = HeldOutPreviews(options, model.translator(), device, dataset)
        trainer = Trainer(options, model, loader, folder, state, make_listeners(options), evaluator, previewer)
        return trainer.run([describe_device(device, options.run.gpu_ids), *messages, *on_measures, *dataset.notes()])


if __name__ == "__main__":
    sys.exit(run_script(main, train_options, sys.argv[1:]))
