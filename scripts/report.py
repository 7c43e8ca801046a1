"""The table of runs: method, best and last FID, speed, memory, parameters, several seeds as mean ± std.

    python scripts/report.py maps_CUT_seed0 maps_CUT_seed1 maps_FastCUT_seed0     names in --checkpoints_dir, or folders
    python scripts/report.py checkpoints/maps_* --output runs.md --output runs.html

Everything is read from what the runs saved and logged. The table goes to the screen as Markdown.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

from cut.errors import UserError
from cut.monitoring.report import as_markdown, as_page, make_report
from cut.monitoring.run_records import read_runs
from cut.training.atomic import write_atomically

SUFFIXES = (".md", ".html")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="name of a run, or its folder")
    parser.add_argument("--checkpoints_dir", default="./checkpoints", help="folder of the runs (default %(default)s)")
    parser.add_argument(
        "--output", action="append", default=[], type=Path, metavar="FILE", help="write it to a .md or .html file too"
    )
    own = parser.parse_args(arguments)
    try:
        for file in own.output:
            if file.suffix not in SUFFIXES:
                raise UserError(f"--output {file} must end in .md or .html.")
        folders = dict.fromkeys(found(run, Path(own.checkpoints_dir)) for run in own.runs)
        records, problems = read_runs(folders)
        if not records:
            raise UserError(*problems)
        report = make_report(records)
        print(as_markdown(report), end="")
        for file in own.output:
            text = as_markdown(report) if file.suffix == ".md" else as_page(report).render()
            write_atomically(file, lambda stream, text=text: stream.write(text.encode()))
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def found(run: str, checkpoints: Path) -> Path:
    """The folder of a run that was given by its name or as a folder."""
    named = checkpoints / run
    return Path(run) if Path(run).is_dir() and not named.is_dir() else named


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
