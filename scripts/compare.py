"""The same images, translated by several runs, side by side on a web page.

    python test.py --name quickstart && python test.py --name quickstart_fastcut
    python scripts/compare.py quickstart quickstart_fastcut --output results/comparison
    python scripts/compare.py quickstart quickstart_fastcut --picture figure.png

test.py writes the translations that are shown. The page has a row for each image: the source, a translation by each run
in the order given, and the real target where there is one. The picture of --picture has a column for each image.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.data.files import find_images
from cut.data.images import read_image
from cut.errors import UserError, exit_status
from cut.evaluation.figures.translations_picture import draw_translations
from cut.evaluation.protocols.results_page import ResultRow, write_results_page
from cut.monitoring.reports.runs import LoggedRun, read_runs
from cut.monitoring.reports.table import method_name
from cut.training.atomic import write_atomically
from cut.training.evaluation_table import describe_measures

PICTURE_SUFFIXES = (".png", ".jpg")


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
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw images as one picture too, a .png or .jpg")
    parser.add_argument("--picture_num", type=int, default=8, help="images in it, evenly spread (default %(default)s)")
    return exit_status(lambda: compare(parser.parse_args(arguments)))


def compare(own: argparse.Namespace) -> int:
    """Write the page, and the picture that was asked for, and say where they are."""
    if own.picture is not None and own.picture.suffix not in PICTURE_SUFFIXES:
        raise UserError(f"--picture {own.picture} must end in .png or .jpg.")
    runs = list(dict.fromkeys(own.runs))
    folders = {run: own.results_dir / run / own.result / "images" for run in runs}
    translated = {run: _pictures(run, folder) for run, folder in folders.items()}
    first = folders[runs[0]]
    real_A, real_B = (set(_names(first / label)) for label in ("real_A", "real_B"))
    common = sorted(real_A.intersection(*translated.values()))
    if not common:
        raise UserError("These runs translated no image in common: run test.py for each with the same --dataroot.")
    shown, with_target = _spread(common, own.num), [name for name in common if name in real_B]
    records = {one.folder.name: one for one in read_runs([own.checkpoints_dir / run for run in runs])[0]}

    columns = {"source": first / "real_A"} | {run: folder / "fake_B" for run, folder in folders.items()}
    if with_target:
        columns["target"] = first / "real_B"
    rows = []
    for name in shown:
        files = {label: folder / name for label, folder in columns.items() if label != "target" or name in real_B}
        images = {label: Path(os.path.relpath(file, own.output)).as_posix() for label, file in files.items()}
        rows.append(ResultRow(name, images))
    details = {"images": f"{len(shown)} of {len(common)}", "results": own.result}
    print(f"The page is {write_results_page(own.output, 'Comparison', rows, details | _measured(records), 192)}.")
    if own.picture is not None:
        _draw(own.picture, columns, _spread(with_target or common, own.picture_num), _methods(runs, records))
        print(f"The picture is {own.picture}.")
    return 0


def _spread(names: list[str], number: int) -> list[str]:
    """At most `number` of these, evenly spread."""
    return names[:: max(1, -(-len(names) // max(1, number)))]


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


def _measured(records: Mapping[str, LoggedRun]) -> dict[str, str]:
    """The last measurement of each run, where there is one."""
    last = {run: one.record.evaluations[-1] for run, one in records.items() if one.record.evaluations}
    return {run: f"epoch {one.epoch}: {describe_measures(one)}" for run, one in last.items()}


def _methods(runs: list[str], records: Mapping[str, LoggedRun]) -> dict[str, str]:
    """What each run trained, where that tells all of them apart; else nothing."""
    methods = {run: method_name(record.options) for run, record in records.items()}
    return methods if len(set(methods.values())) == len(runs) else {}


def _draw(file: Path, columns: Mapping[str, Path], names: list[str], titles: Mapping[str, str]) -> None:
    """Write the picture: a row for each of `columns`, under its title where it has one."""
    rows = {
        titles.get(label, label): [read_image(folder / name, 3) for name in names] for label, folder in columns.items()
    }
    write_atomically(file, draw_translations(rows, file.suffix))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
