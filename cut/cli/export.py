"""Write the generator of a run to a file that other programs run: ONNX, TorchScript or torch.export.

    cut export --name RUN                                 ONNX, which needs no PyTorch to run
    cut export --name RUN --format torchscript            for C++ and mobile programs of PyTorch
    cut export --name RUN --format torch_export           for torch.compile and AOTInductor
    cut export --name RUN --epoch best --weights fp16     half the size; computed in float32 all the same
    cut export --name RUN --direction BtoA                the other direction of methods that have one

The file takes images (B, C, H, W) in [-1, 1] of any size, and returns translations of that size. Before it is kept,
it is compared with PyTorch on three sizes. Any other option of `cut translate` that says which generator it is can
follow (--checkpoints_dir, --no_ema, --eval, --style, --seed, and the architecture of published weights). docs/export.md
has an example that runs it without PyTorch.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cut
from cut.commands import command
from cut.errors import UserError, exit_status
from cut.options import Options, test_options

KINDS = ("onnx", "torchscript", "torch_export")


def parser() -> argparse.ArgumentParser:
    own = argparse.ArgumentParser(
        prog="cut export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False, usage="cut export --name RUN [options]",
    )  # fmt: skip
    own.add_argument("--format", choices=KINDS, default="onnx", help="[onnx]")
    own.add_argument("--output", type=Path, metavar="FILE", help="[EPOCH.onnx, … in the folder of the run]")
    own.add_argument("--opset", type=int, default=18, metavar="N", help="version of ONNX's operators, 18 to 23 [18]")
    own.add_argument("--weights", choices=("float32", "fp16", "bf16"), default="float32",
                     help="what weights are stored in; they are used in float32 [float32]")  # fmt: skip
    return own


def main(words: Sequence[str]) -> int:
    return exit_status(lambda: run(words), for_reading=False)


def run(words: Sequence[str]) -> None:
    chosen, others = parser().parse_known_args(words)
    options = test_options(others)
    if options.dry_run:
        raise UserError("cut export has no --dry_run.")

    import torch  # only now: --help does not need it
    from torch import nn

    from cut.evaluation.translate.trained import style_guide, trained_generator
    from cut.export.exportable import Exportable
    from cut.export.exporting import SIZES, export
    from cut.export.formats import FORMATS, OPSETS
    from cut.networks.interface import StyledGenerator

    if chosen.format == "onnx" and chosen.opset not in OPSETS:
        raise UserError(f"--opset {chosen.opset} is not written: use {OPSETS[0]} to {OPSETS[-1]}.")
    if options.run.threads:
        torch.set_num_threads(options.run.threads)
    generator = trained_generator(options, options.run.epoch)
    if isinstance(generator, StyledGenerator):
        generator.guide = style_guide(options)
    module = Exportable(generator, own_statistics=not options.testing.eval, seed=options.run.seed)
    dropout = any(isinstance(layer, nn.Dropout) for layer in generator.modules())
    facts = {
        "run": options.run.name, "model": options.run.model, "epoch": options.run.epoch,
        "direction": options.data.direction, "range": "-1 to 1, RGB", "weights": chosen.weights,
        "cut": cut.__version__, **({"opset": str(chosen.opset)} if chosen.format == "onnx" else {}),
    }  # fmt: skip
    file = chosen.output or default_file(options, FORMATS[chosen.format].suffix)
    written = export(module, file, chosen.format, facts, chosen.opset, chosen.weights)
    inputs = "image and style" if module.takes_style else "image"
    opset = f", opset {chosen.opset}" if chosen.format == "onnx" else ""
    print(f"Written: {file} ({file.stat().st_size / 1e6:.1f} MB, {chosen.format}{opset}, input {inputs})")
    sizes = ", ".join(f"{images}×{height}×{width}" for images, height, width in SIZES)
    print(f"Checked against PyTorch on {sizes}: the largest difference is {written.difference:.1e}.")
    if chosen.weights != "float32":
        print(f"Weights in {chosen.weights} change a translation by {written.rounding:.1e} at most on these sizes.")
    if dropout and not options.testing.eval:
        print(f"Dropout does not act in the file, as with --eval; in `{command('translate')}` without --eval it does.")


def default_file(options: Options, suffix: str) -> Path:
    """Where the file goes when nothing else is said: in the folder of the run, under the name of the epoch."""
    direction = "_BtoA" if options.backward else ""
    return options.run.folder / f"{options.run.epoch}{direction}{suffix}"
