"""What mkdocs (mkdocs.yml) makes of this repository besides the files of docs/.

    mkdocs serve            the site at http://localhost:8000, made anew when a page changes
    mkdocs build --strict   the same as files, in site/; they open from disk, without a server or a network

Pages of docs/ are read on GitHub too, so they link to files outside docs/. Here these become part of the site: README
and the other documents are pages, pictures are copied, code and configs are shown as pages. A page of docs/ that
the nav of mkdocs.yml does not name is added to its end. The reference has a page for each package of cut/.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "datasets/README.md": "datasets.md",
}
"""Documents outside docs/, and their pages here."""
PICTURES = (".png", ".jpg")
UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n"
FOUND_LAST = "---\nsearch:\n  boost: 0.001\n---\n"  # of the search's results, after the pages that explain
LANGUAGES = {".py": "python", ".yaml": "yaml", ".cff": "yaml", ".sh": "bash"}
_LINK = re.compile(r"(?<=\]\()([^)#\s]+)")
_NAMED_BY_FILE = re.compile(r"\[[\w/.]+\.md\]\(([^)#\s]+)")
_CODE = re.compile(r"<code>[^<]*</code>")
_OPTION = re.compile(r"--\w+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents outside docs/, whatever pages link to, and the reference; complete the nav."""
    pages = {f"docs/{file.src_uri}" for file in files.documentation_pages()}
    for name in ("iframe-worker.js", "site.css"):
        files.append(File.generated(config, f"assets/{name}", content=Path(__file__).with_name(name).read_bytes()))
    for source, uri in DOCUMENTS.items():
        files.append(File.generated(config, uri, content=(ROOT / source).read_text(encoding="utf-8")))
    linked = {target for page in [*DOCUMENTS, *pages] for target in _targets(page)}
    for target in sorted(linked):
        _add(target, files, config)
    reference = [{name: uri} for name, uri in _add_reference(files, config)]
    named = set(re.findall(r"[\w/.]+\.md", str(config.nav)))
    more = [name.removeprefix("docs/") for name in sorted(pages) if name.removeprefix("docs/") not in named]
    config.nav = [*config.nav, *([{"More": more}] if more else []), {"Reference": reference}]
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links of a page lead to where their targets are in the site."""
    here = page.file.src_uri
    source = next((name for name, uri in DOCUMENTS.items() if uri == here), f"docs/{here}")
    if here.startswith(("source/", "reference/")):
        return markdown

    def in_site(match: re.Match[str]) -> str:
        target = _resolved(source, match[1])
        return match[1] if target is None else posixpath.relpath(_uri(target), posixpath.dirname(here) or ".")

    def titled(match: re.Match[str]) -> str:
        file = ROOT / str(_resolved(source, match[1]))
        return f"[{_title(file)}]({match[1]}" if file.exists() else match[0]

    return _LINK.sub(in_site, _NAMED_BY_FILE.sub(titled, markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep the name of an option on one line; a browser would break it after its hyphens."""
    return _CODE.sub(lambda code: _OPTION.sub(r'<span class="option">\g<0></span>', code[0]), html)


def _title(document: Path) -> str:
    """The first heading, up to a colon: it says more than the file's name."""
    return document.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ").split(":")[0]


def _resolved(page: str, link: str) -> str | None:
    """The path from the root of what a page links to; None for an address elsewhere."""
    return None if "://" in link else posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def _targets(page: str) -> Iterator[str]:
    for link in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        target = _resolved(page, link)
        if target is not None:
            yield target


def _uri(target: str) -> str:
    """Where a file or folder of the repository is in the site."""
    if target in DOCUMENTS:
        return DOCUMENTS[target]
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    if target.endswith(PICTURES):
        return f"pictures/{posixpath.basename(target)}"
    return f"source/{target}/index.md" if (ROOT / target).is_dir() else f"source/{target}.md"


def _add(target: str, files: Files, config: MkDocsConfig) -> None:
    """Add a file or folder outside docs/ to the site, once."""
    uri, path = _uri(target), ROOT / target
    if target.startswith("docs/") or files.get_file_from_path(uri) or not path.exists():
        return  # what does not exist is a broken link, which mkdocs reports
    if path.is_dir():
        inside = sorted(entry for entry in path.iterdir() if entry.suffix in (*LANGUAGES, ".md"))
        for entry in inside:
            _add(f"{target}/{entry.name}", files, config)
        names = [f"{target}/{entry.name}" for entry in inside]
        links = [f"- [{name}]({posixpath.relpath(_uri(name), posixpath.dirname(uri))})" for name in names]
        files.append(File.generated(config, uri, content="\n".join([f"{UNSEARCHED}# {target}", "", *links])))
    elif target.endswith(PICTURES):
        files.append(File.generated(config, uri, content=path.read_bytes()))
    else:
        code = path.read_text(encoding="utf-8").rstrip("\n")
        text = f"{UNSEARCHED}# {target}\n\n````{LANGUAGES.get(path.suffix, 'text')}\n{code}\n````\n"
        files.append(File.generated(config, uri, content=text))


def _add_reference(files: Files, config: MkDocsConfig) -> Iterator[tuple[str, str]]:
    """Add a page for each package of cut/.

    Yields:
        Its name and its place in the site.
    """
    for package in sorted({file.parent for file in (ROOT / "cut").rglob("*.py")}):
        name = ".".join(package.relative_to(ROOT).parts)
        modules = sorted(f"{name}.{file.stem}" for file in package.glob("[!_]*.py"))
        first = f"{FOUND_LAST}# {name}\n\n::: {name}\n    options:\n      show_root_heading: false"
        text = "\n\n".join([first, *(f"::: {module}" for module in modules)])
        uri = f"reference/{name}.md"
        files.append(File.generated(config, uri, content=text))
        yield name, uri
