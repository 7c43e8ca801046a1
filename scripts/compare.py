"""The same images, translated by several runs, side by side on a web page.

    python test.py --name quickstart && python test.py --name quickstart_fastcut
    python scripts/compare.py quickstart quickstart_fastcut --output results/comparison

test.py writes the translations that are shown. The page has a row for each image: the source, a translation by each run
in the order given, and the real target where there is one.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.data.files import find_images
from cut.errors import UserError, exit_status
from cut.evaluation.protocols.results_page import ResultRow, write_results_page
from cut.monitoring.reports.runs import read_runs
from cut.training.evaluation_table import describe_measures


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="names of runs")
    parser.add_argument(
        "--output", type=Path, default=Path("results/comparison"), help="folder of the page (default %(default)s)"
    )
    parser.add_argument(
        "--results_dir",
        type=Path,
        default=Path("results"),
        help="where test.py wrote its results (default %(default)s)",
    )
    parser.add_argument(
        "--checkpoints_dir", type=Path, default=Path("checkpoints"), help="folder of the runs (default %(default)s)"
    )
    parser.add_argument(
        "--result", default="test_latest", metavar="PHASE_EPOCH", help="which results of each run (default %(default)s)"
    )
    parser.add_argument("--num", type=int, default=100, help="images to show, evenly spread (default %(default)s)")
    return exit_status(lambda: compare(parser.parse_args(arguments)))


def compare(own: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    runs = list(dict.fromkeys(own.runs))
    folders = {run: own.results_dir / run / own.result / "images" for run in runs}
    translated = {run: _pictures(run, folder) for run, folder in folders.items()}
    first = folders[runs[0]]
    real_A, real_B = (set(_names(first / label)) for label in ("real_A", "real_B"))
    common = sorted(real_A.intersection(*translated.values()))
    if not common:
        raise UserError("These runs translated no image in common: run test.py for each with the same --dataroot.")
    shown = common[:: max(1, -(-len(common) // max(1, own.num)))]

    def link(file: Path) -> str:
        return Path(os.path.relpath(file, own.output)).as_posix()

    rows = []
    for name in shown:
        images = {"source": link(first / "real_A" / name)}
        images |= {run: link(folder / "fake_B" / name) for run, folder in folders.items()}
        if name in real_B:
            images["target"] = link(first / "real_B" / name)
        rows.append(ResultRow(name, images))
    details = {"images": f"{len(shown)} of {len(common)}", "results": own.result}
    print(f"The page is {write_results_page(own.output, 'Comparison', rows, details | _measured(runs, own), 192)}.")
    return 0


def _pictures(run: str, folder: Path) -> set[str]:
    """Names of a run's translations.

    Raises:
        UserError: when there are none.
    """
    names = set(_names(folder / "fake_B"))
    if not names:
        raise UserError(f"{folder / 'fake_B'} holds no translations: python test.py --name {run} makes them.")
    return names


def _names(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in find_images(folder)] if folder.is_dir() else []


def _measured(runs: list[str], own: argparse.Namespace) -> dict[str, str]:
    """The last measurement of each run, where there is one."""
    records, _ = read_runs([own.checkpoints_dir / run for run in runs])
    last = {record.folder.name: record.record.evaluations[-1] for record in records if record.record.evaluations}
    return {run: f"epoch {one.epoch}: {describe_measures(one)}" for run, one in last.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
