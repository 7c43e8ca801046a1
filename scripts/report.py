"""The table of runs: method, best and last FID, speed, memory, parameters, several seeds as mean ± std.

    python scripts/report.py maps_CUT_seed0 maps_CUT_seed1 maps_FastCUT_seed0     names in --checkpoints_dir, or folders
    python scripts/report.py checkpoints/maps_* --output runs.md --output runs.html --output runs.png
    python scripts/report.py checkpoints/maps_* --losses losses.png               their losses over training
    python scripts/report.py maps_CUT_seed0 --worst 8 --output worst.html         held-out images with the largest error

The table goes to the screen as Markdown. It and the curves are read from what the runs saved and logged; for --worst
the held-out images are translated again. A page (.html) shows a few columns, all when they are
unfolded, and has the curves of measures and losses and the images too.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
from typing import TYPE_CHECKING

from cut.errors import UserError, exit_status
from cut.evaluation.figures import worst_page
from cut.monitoring.reports.picture import draw_losses, draw_measures
from cut.monitoring.reports.report_page import as_page
from cut.monitoring.reports.runs import LoggedRun, read_runs
from cut.monitoring.reports.table import as_markdown, make_report
from cut.training.atomic import write_atomically

if TYPE_CHECKING:
    from cut.evaluation.figures.worst_images import WorstImages

SUFFIXES = (".md", ".html", ".png")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="name of a run, or its folder")
    parser.add_argument("--checkpoints_dir", default="./checkpoints", help="folder of the runs (default %(default)s)")
    parser.add_argument(
        "--output", action="append", default=[], type=Path, metavar="FILE",
        help="write it to a .md or .html file too, or the curves of all measures to a .png",
    )  # fmt: skip
    parser.add_argument("--losses", type=Path, metavar="FILE", help="write the curves of the losses to a .png")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="also the N images with the largest error")
    parser.add_argument("--epoch", default="latest", help="with --worst: which saved weights (default %(default)s)")
    parser.add_argument("--gpu_ids", default="auto", help="with --worst: as for test.py (default %(default)s)")
    return exit_status(lambda: report(parser.parse_args(arguments)))


def report(own: argparse.Namespace) -> int:
    """Print the table and write it to files; returns 1 when some runs could not be read, and says which."""
    check_outputs(own.output)
    if own.losses is not None and own.losses.suffix != ".png":
        raise UserError(f"--losses {own.losses} must end in .png.")
    if own.worst < 0:
        raise UserError(f"--worst is {own.worst} but must be at least 0.")
    records, problems = read_runs(dict.fromkeys(found(run, Path(own.checkpoints_dir)) for run in own.runs))
    if not records:
        raise UserError(*problems)
    print(as_markdown(make_report(records)), end="")
    worst: list[WorstImages] = []
    if own.worst:
        worst = worst_of(records, own, problems)
    problems += write_report(records, own.output, worst)
    if own.losses is not None:
        write_atomically(own.losses, required(draw_losses(records), own.losses, "logged"))
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def check_outputs(outputs: Sequence[Path], option: str = "--output") -> None:
    """
    Raises:
        UserError: when a file is of another kind.
    """
    for file in outputs:
        if file.suffix not in SUFFIXES:
            raise UserError(f"{option} {file} must end in .md, .html or .png.")


def worst_of(records: Sequence[LoggedRun], own: argparse.Namespace, problems: list[str]) -> "list[WorstImages]":
    """The images of each run with the largest error, printed as they are found; adds to the problems."""
    from cut.device import choose_device
    from cut.evaluation.figures.worst_images import worst_images  # takes a while
    from cut.evaluation.protocols.saved_epochs import run_options

    device = choose_device(own.gpu_ids)
    worst: list[WorstImages] = []
    for run in records:
        try:
            options = run_options(run.folder.name, str(run.folder.parent), ["--gpu_ids", own.gpu_ids])
            worst.append(worst_images(options, own.epoch, own.worst, device))
            print(worst_page.as_markdown(worst[-1:]), end="", flush=True)
        except UserError as error:
            problems += error.problems
    return worst


def write_report(
    records: Sequence[LoggedRun], outputs: Sequence[Path], worst: "Sequence[WorstImages]" = ()
) -> list[str]:
    """Write the table and the images with the largest error to the files, and curves to pictures.

    Returns:
        Sentences on what is missing in the files.

    Raises:
        UserError: when a file cannot be written, or there are no curves for a picture.
    """
    table, problems = make_report(records), list[str]()
    for file in outputs:
        if file.suffix == ".png":
            content = required(draw_measures(records), file, "measured")
        elif file.suffix == ".md":
            content = (as_markdown(table) + (worst_page.as_markdown(worst) if worst else "")).encode()
        else:
            try:
                curves = {"Measures": draw_measures(records), "Losses": draw_losses(records)}
            except UserError as error:  # without matplotlib
                curves, problems = {}, [*problems, *error.problems]
            page = as_page(table, pictures={name: png for name, png in curves.items() if png is not None})
            with page:
                worst_page.add_to_page(worst)
            content = page.render().encode()
        write_atomically(file, content)
    return problems


def required(picture: bytes | None, file: Path, what: str) -> bytes:
    """
    Raises:
        UserError: when there is no picture.
    """
    if picture is None:
        raise UserError(f"{file} is not written: nothing was {what} in these runs, so there are no curves.")
    return picture


def found(run: str, checkpoints: Path) -> Path:
    """The folder of a run that was given by its name or as a folder."""
    named = checkpoints / run
    return Path(run) if Path(run).is_dir() and not named.is_dir() else named


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
