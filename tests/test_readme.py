"""What README and docs show can be run as it stands, and links in the documents lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from cut.errors import UserError
from cut.networks.weights import export_weights
from cut.options import test_options, train_options
from cut.registry import MODELS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "datasets" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page; `docs/` is read by a site that makes the same ones."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in re.findall(r"^#+ (.+)$", text, re.M)]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in plain}


def links(page: Path) -> list[tuple[str, str]]:
    """Path and anchor of each link of a page to this repository; an empty path is the page itself."""
    found = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    return [(target, anchor) for target, anchor in found if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for target, anchor in links(page):
        file = page.parent / target if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in headings(file)):
            broken.append(f"{target}#{anchor}")
    assert links(page) and broken == []


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            waiting += [page.parent / target for target, _ in links(page) if target]
    assert {page for page in PAGES if page not in reached} == set()


def commands() -> list:
    """Every command line of train.py and test.py in README and docs that is spelled out, without NAME or …."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for script, words in re.findall(r"python (train|test)\.py (--(?:name|dataroot|config|model) [^`\n]*)", text):
            line = words.split("  #")[0].split(" #")[0].split(" | ")[0]
            if not re.search(r"…|\.\.\.|[A-Z]{4,}|--help|\bN\b|\{", line.replace("FastCUT", "").replace("BtoA", "")):
                found.append(pytest.param(script, line, id=f"{page.stem}: {script} {line.strip()}"))
    return found


@pytest.mark.parametrize(("script", "line"), commands())
def test_commands_have_options_that_exist(script, line, tmp_path):
    """The run that a line names does not exist here, nor does the method that test.py would read from it."""
    words = shlex.split(line)
    try:
        {"train": train_options, "test": test_options}[script]([*words, "--checkpoints_dir", str(tmp_path)])
    except UserError as error:
        excused = ("no run", "no options", *["belongs to --model"] * (script == "test"))
        assert any(reason in str(error) for reason in excused), error


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
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    example = page.split("## Steps, losses and networks")[1].split("```python\n")[1].split("```")[0]
    exec(example, names)
    assert set(names["logs"]) == {"G_GAN", "D_real", "D_fake", "G", "NCE"}
    assert names["translated"].shape == (1, 3, 64, 64)
