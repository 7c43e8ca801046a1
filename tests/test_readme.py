"""What the README shows can be run as it stands, and links in the documents lead somewhere."""

import re
from pathlib import Path

import pytest
import torch

from cut.networks.weights import export_weights
from cut.options import train_options
from cut.registry import MODELS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--CUT_mode", "FastCUT", "--crop_size", "64", "--load_size", "64", "--seed", "1"]
    other = MODELS["cut"].factory(train_options(words))
    torch.save(export_weights(other.networks["G"]), "latest_net_G.pth")
    sizes = other.probe.tap_shapes(64, 64)
    names = {
        "source": torch.rand(1, 3, 64, 64) * 2 - 1,
        "target": torch.rand(1, 3, 64, 64) * 2 - 1,
        "weights": other.networks["D"].state_dict(),
        "positions": tuple(torch.arange(height * width)[:256] for _, height, width in sizes),
    }
    example = README.split("## From Python")[1].split("```python\n")[1].split("```")[0]
    exec(example, names)
    assert set(names["logs"]) == {"G_GAN", "D_real", "D_fake", "G", "NCE"}
    assert names["translated"].shape == (1, 3, 64, 64)


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert (
        targets and [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []
    )
