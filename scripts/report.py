"""The table of runs: method, best and last FID, speed, memory, parameters, several seeds as mean ± std.

    python scripts/report.py maps_CUT_seed0 maps_CUT_seed1 maps_FastCUT_seed0     names in --checkpoints_dir, or folders
    python scripts/report.py checkpoints/maps_* --output runs.md --output runs.html --output runs.png

Everything is read from what the runs saved and logged. The table goes to the screen as Markdown.
The page shows a few columns, and all when asked.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.errors import UserError, exit_status
from cut.monitoring.reports.picture import draw_measures
from cut.monitoring.reports.report_page import as_page
from cut.monitoring.reports.runs import read_runs
from cut.monitoring.reports.table import as_markdown, make_report
from cut.training.atomic import write_atomically

SUFFIXES = (".md", ".html", ".png")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="name of a run, or its folder")
    parser.add_argument("--checkpoints_dir", default="./checkpoints", help="folder of the runs (default %(default)s)")
    parser.add_argument(
        "--output", action="append", default=[], type=Path, metavar="FILE",
        help="write it to a .md or .html file too, or the curves of all measures to a .png",
    )  # fmt: skip

    def work() -> int:
        own = parser.parse_args(arguments)
        return write_report(own.runs, Path(own.checkpoints_dir), own.output)

    return exit_status(work)


def write_report(runs: list[str], checkpoints: Path, outputs: list[Path]) -> int:
    """Print the table and write it to files; returns 1 when some runs could not be read, and says which."""
    for file in outputs:
        if file.suffix not in SUFFIXES:
            raise UserError(f"--output {file} must end in .md, .html or .png.")
    folders = dict.fromkeys(found(run, checkpoints) for run in runs)
    records, problems = read_runs(folders)
    if not records:
        raise UserError(*problems)
    report = make_report(records)
    print(as_markdown(report), end="")
    for file in outputs:
        if file.suffix == ".png":
            content = draw_measures(records)
        else:
            content = (as_markdown(report) if file.suffix == ".md" else as_page(report).render()).encode()
        if content is None:
            raise UserError(f"{file} is not written: nothing was measured in these runs, so there are no curves.")
        write_atomically(file, content)
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def found(run: str, checkpoints: Path) -> Path:
    """The folder of a run that was given by its name or as a folder."""
    named = checkpoints / run
    return Path(run) if Path(run).is_dir() and not named.is_dir() else named


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
