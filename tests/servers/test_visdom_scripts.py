"""Where the scripts of visdom's page come from."""

import io
import re
import tarfile
from pathlib import Path

import pytest

from cut.servers import visdom_scripts
from cut.servers.visdom_scripts import BUILT, ScriptsMissing, complete_scripts, npm_source, wanted_scripts

WANTED = {
    "js/react-react.min.js": "https://unpkg.com/react@16.2.0/umd/react.production.min.js",
    "js/mathjax/2.7.5/config/Safe.js": "https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.5/config/Safe.js?V=2.7.5",
    "fonts/classnames": "https://unpkg.com/classnames@2.2.5",
}
PACKAGES = {
    "react@16.2.0": {"package/umd/react.production.min.js": b"react"},
    "mathjax@2.7.5": {"package/config/Safe.js": b"safe", "package/other.js": b"other"},
    "classnames@2.2.5": {"odd_folder/index.js": b"classnames"},
}


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://unpkg.com/bootstrap@3.3.7/dist/js/x.js", ("bootstrap@3.3.7", "dist/js/x.js")),
        ("https://unpkg.com/@scope/name@1.0/x.js", ("@scope/name@1.0", "x.js")),
        ("https://unpkg.com/b@3/f.svg#glyphs", ("b@3", "f.svg")),
        ("https://cdn.plot.ly/plotly-2.11.1.min.js", ("plotly.js-dist-min@2.11.1", "plotly.min.js")),
        ("http://d3js.org/d3.v3.min.js", ("d3@3.5.17", "d3.min.js")),
        (
            "https://cdnjs.cloudflare.com/ajax/libs/mathjax/3.2.2/es5/tex-mml-svg.js",
            ("mathjax@3.2.2", "es5/tex-mml-svg.js"),
        ),
        ("https://example.org/x.js", None),
    ],
)
def test_addresses_name_npm_packages(address, source):
    assert npm_source(address) == source


def test_the_installed_visdom_is_complete_with_what_is_fetched():
    """Every file that its page names is its own or wanted, and every wanted one is in a package that is known."""
    visdom = pytest.importorskip("visdom")
    static, wanted = Path(visdom.__file__).parent / "static", wanted_scripts()
    named = re.findall(r"static_url\(['\"](?!\.\.)([^'\"]+)['\"]\)", (static / "index.html").read_text())
    assert len(named) > 10 and all(name in wanted or (static / name).is_file() for name in named)
    assert all(npm_source(address) is not None for address in wanted.values())


@pytest.fixture
def registry(monkeypatch):
    """`npm pack` of the packages above; the packages asked for."""
    asked: list[str] = []

    def pack(npm: str, package: str, folder: Path) -> Path:
        asked.append(package)
        if package not in PACKAGES:
            raise ScriptsMissing(f"npm could not get {package} (no network)")
        packed = folder / f"{len(asked)}.tgz"
        with tarfile.open(packed, "w:gz") as archive:
            for name, content in PACKAGES[package].items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return packed

    monkeypatch.setattr(visdom_scripts, "_pack", pack)
    monkeypatch.setattr(visdom_scripts.shutil, "which", lambda name: name)
    monkeypatch.setattr(visdom_scripts, "wanted_scripts", lambda: WANTED)
    return asked


def test_missing_scripts_are_fetched_once(registry, tmp_path):
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts/classnames").touch()  # an empty file is what a broken download leaves
    (sentence,) = complete_scripts(tmp_path, "0.2.4")
    assert "Fetched 3 files" in sentence and len(registry) == 3
    assert (tmp_path / "js/react-react.min.js").read_bytes() == b"react"
    assert (tmp_path / "fonts/classnames").read_bytes() == b"classnames"
    assert (tmp_path / BUILT).read_text() == "0.2.4"
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("other*"))
    assert complete_scripts(tmp_path, "0.2.4") == [] and len(registry) == 3


def test_what_is_there_is_not_fetched(registry, tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "js/react-react.min.js").write_text("own")
    complete_scripts(tmp_path, "0.2.4")
    assert "react@16.2.0" not in registry and (tmp_path / "js/react-react.min.js").read_text() == "own"


def said(folder: Path) -> str:
    (sentence,) = complete_scripts(folder, "0.2.4")
    assert not (folder / BUILT).exists()
    return sentence


def test_without_npm_it_is_said_what_is_missing(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(visdom_scripts.shutil, "which", lambda name: None)
    sentence = said(tmp_path)
    assert all(name in sentence for name in (*WANTED, "there is no npm", "python -m visdom.server"))


def test_without_a_network_the_words_of_npm_are_passed_on(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(visdom_scripts, "wanted_scripts", lambda: {"js/x.js": "https://unpkg.com/gone@1/x.js"})
    assert "js/x.js" in (sentence := said(tmp_path)) and "npm could not get gone@1 (no network)" in sentence


def test_a_file_that_no_package_has_is_said(registry, tmp_path, monkeypatch):
    more = WANTED | {"js/a.js": "https://unpkg.com/react@16.2.0/none.js", "js/b.js": "https://example.org/b.js"}
    monkeypatch.setattr(visdom_scripts, "wanted_scripts", lambda: more)
    sentence = said(tmp_path)
    assert "js/a.js, js/b.js" in sentence and (tmp_path / "js/react-react.min.js").is_file()


def test_a_folder_that_cannot_be_written_is_said(registry, tmp_path):
    (tmp_path / "static").write_text("not a folder")
    (sentence,) = complete_scripts(tmp_path / "static", "0.2.4")
    assert "cannot be written" in sentence and registry == []


def test_a_visdom_that_cannot_be_asked_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(visdom_scripts, "wanted_scripts", lambda: 1 / 0)
    (sentence,) = complete_scripts(tmp_path, "9.9")
    assert "visdom 9.9" in sentence and "ZeroDivisionError" in sentence
