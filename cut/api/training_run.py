"""Options → build → run: a whole training run, as train.py, `cut train` and `cut.train` start it."""

import shlex
from contextlib import closing, nullcontext

from cut.commands import command
from cut.options import Options


def run_training(options: Options) -> int:
    """Train as `train.py` does; returns the exit status."""
    import torch  # imported with the rest only now: --help and --dry_run need none of it

    from cut.data.loader import make_dataset, make_loader
    from cut.device import choose_device, describe_device
    from cut.evaluation.evaluator import in_all_processes, make_evaluator
    from cut.evaluation.held_out_previews import HeldOutPreviews
    from cut.monitoring import make_listeners
    from cut.processes.group import joined, reporting_together
    from cut.processes.launch import launch
    from cut.registry import MODELS
    from cut.training.captured import require_graphs
    from cut.training.checkpoints import RunFolder
    from cut.training.compiled import require_compiler
    from cut.training.loop import Trainer
    from cut.training.notices import notices
    from cut.training.sizes import check_sizes
    from cut.training.start import save_ranges, starting_state

    place = launch()
    device = choose_device(options.run.gpu_ids, options.run.threads, place)
    with joined(device, place):
        with reporting_together():
            if options.run.compile:
                require_compiler(device)
            if options.run.cuda_graphs:
                require_graphs(options, MODELS[options.run.model].factory, device)
            dataset = make_dataset(options)
            model = MODELS[options.run.model].factory(options, device)
            check_sizes(model, dataset)
            loader = make_loader(options, dataset)
            generator, average = model.translator(), model.averaged_translator()
            measuring = make_evaluator(options, generator, model.arithmetic, dataset, average)
        evaluator, on_measures = in_all_processes(*measuring)
        torch.backends.cudnn.benchmark = dataset.one_size  # a search for fast convolutions pays when sizes repeat
        if options.run.verbose and place.is_first:
            print(model.networks)
        folder, listeners, previewer = RunFolder(options.run.folder), [], None
        if place.is_first:
            listeners, training = make_listeners(options), model.translates_as_in_training
            previewer = HeldOutPreviews(options, average or generator, model.arithmetic, dataset, training)
        with closing(loader), folder.locked() if place.is_first else nullcontext():
            state, messages = starting_state(options, model, dataset.fingerprint(), folder)
            if place.is_first:
                save_ranges(dataset.scales, options.run.folder)
            trainer = Trainer(options, model, loader, folder, state, listeners, evaluator, previewer)
            notes = [*folder.notes(), *notices(options, dataset), *dataset.notes()]
            computing = f"{describe_device(device, options.run.gpu_ids, place.count)} {model.arithmetic.describe()}"
            status = trainer.run([computing, *messages, *notes, *on_measures])
            if place.is_first and not status:
                print(next_command(options))
            return status


def next_command(options: Options) -> str:
    """The last thing that a run says: how to translate with it."""
    folder = (
        [] if options.run.checkpoints_dir == "./checkpoints" else ["--checkpoints_dir", options.run.checkpoints_dir]
    )
    words = shlex.join(["--name", options.run.name, *folder])
    return f"Next: {command('translate')} {words} --input YOUR_IMAGES --output translated"
