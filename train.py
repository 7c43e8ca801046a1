"""Train a model: `python train.py --dataroot FOLDER --name NAME [--CUT_mode FastCUT]`; `--help` lists every option."""

import sys
from contextlib import closing

import cut.environment  # noqa: F401 first: it explains what is missing below
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
    from cut.training.notices import notices
    from cut.training.sizes import check_sizes
    from cut.training.start import starting_state

    device = choose_device(options.run.gpu_ids, options.run.threads)
    dataset = make_dataset(options)
    model = MODELS[options.run.model].factory(options, device)
    check_sizes(model, dataset)
    torch.backends.cudnn.benchmark = dataset.one_size  # searching for fast convolutions is worthwhile when sizes repeat
    if options.run.verbose:
        print(model.networks)
    generator, average = model.translator(), model.averaged_translator()
    evaluator, on_measures = make_evaluator(options, generator, model.arithmetic, dataset, average)
    loader = make_loader(options, dataset)
    shown, training = average or generator, model.translates_as_in_training
    previewer = HeldOutPreviews(options, shown, model.arithmetic, dataset, training)
    folder = RunFolder(options.run.folder)
    with closing(loader), folder.locked():  # a process that hangs would hold up the end of the program
        state, messages = starting_state(options, model, dataset.fingerprint(), folder)
        trainer = Trainer(options, model, loader, folder, state, make_listeners(options), evaluator, previewer)
        notes = [*notices(options, dataset), *dataset.notes()]
        computing = f"{describe_device(device, options.run.gpu_ids)} {model.arithmetic.describe()}"
        return trainer.run([computing, *messages, *notes, *on_measures])


if __name__ == "__main__":
    sys.exit(run_script(main, train_options, sys.argv[1:]))
