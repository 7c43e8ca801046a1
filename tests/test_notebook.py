"""The notebook, run from top to bottom at toy size: by a kernel that is taken away, and by another that goes on."""

from pathlib import Path

import nbformat
import pytest

from tests.evaluation.tiny_run import write_image

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "start_here.ipynb"
TOY = {
    "CUT_mode": "FastCUT", "netG": "resnet_4blocks", "ngf": 2, "ndf": 2, "netF_nc": 8, "num_patches": 8,
    "nce_layers": "0,2", "netD": "n_layers", "n_layers_D": 2, "gpu_ids": -1, "num_threads": 0, "load_size": 36,
    "crop_size": 32, "n_epochs_decay": 0, "evaluation_epoch_freq": 1, "evaluation_freq": 2, "print_freq": 1,
    "feature_extractor": "efficientnet_lite0",
}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(until, epochs)`: execute the cells up to the first that holds `until` in a kernel of its own; the cells."""
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    monkeypatch.setenv("CUT_CACHE_DIR", str(tmp_path / "cache"))
    for seed, side in enumerate(("trainA", "trainB", "valA", "valB")):
        for number in range(4):
            write_image(tmp_path / "pictures" / side / f"{number}.png", (40, 36), seed=10 * seed + number)

    def execute(until: str, epochs: int):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", ()):
                options = TOY | {"n_epochs": epochs}
                cell.source = f"DATA, DRIVE, NAME, OPTIONS = 'pictures', False, 'mine', {options}"
        last = next(number for number, cell in enumerate(notebook.cells) if until in cell.source)
        notebook.cells = notebook.cells[: last + 1]
        client.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
        return notebook.cells

    return execute


def said(cell) -> str:
    """What a cell printed, and the HTML that it showed last."""
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    return printed + "".join(output.data.get("text/html", "") for output in cell.outputs if "data" in output)


def cell_with(cells, text: str):
    return next(cell for cell in cells if cell.cell_type == "code" and text in cell.source)


def test_from_the_top_and_again_where_the_machine_was_taken_away(run, tmp_path):
    first = said(cell_with(run("folder = train()", 1), "folder = train()"))
    assert "images seen: <b>4 of 4</b>" in first and "finished" in first and "data:image/png" in first
    cells = run("Further", 2)
    second = said(cell_with(cells, "folder = train()"))
    assert "images seen: <b>8 of 8</b>" in second and "epoch 1" in second
    assert len(list((tmp_path / "translated").glob("*.png"))) == 4
    assert "EfficientNet" in said(cell_with(cells, "cut_evaluate"))
    shown = cell_with(cells, "cut.load").outputs
    assert sum("image/png" in output.get("data", ()) for output in shown) == 4


def test_no_output_is_stored():
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
