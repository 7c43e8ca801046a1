"""The scripts that visdom's page needs, from the npm registry where visdom's own download cannot get them.

visdom's package has its own script but not those of others (React, plotly, …): its `download_scripts` fetches them
from several sites when a server starts, and fails altogether where these cannot be reached. npm packages hold the same
files; they are put where visdom keeps its downloads, so it happens once, and `python -m visdom.server` has them too.
"""

import contextlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import requests

from cut.errors import counted, some

NPM_SECONDS = 300
BUILT = "version.built"  # visdom's mark of a complete download
SOURCES = (  # (pattern of an address, npm package, file in it)
    (r"unpkg\.com/((?:@[^/]+/)?[^/@]+@[^/]+)/?(.*)", r"\1", r"\2"),
    (r"cdn\.plot\.ly/plotly-([\d.]+)\.min\.js", r"plotly.js-dist-min@\1", "plotly.min.js"),
    (r"d3js\.org/d3\.v3\.min\.js", "d3@3.5.17", "d3.min.js"),
    (r"d3js\.org/d3-selection-multi\.v1\.js", "d3-selection-multi@1.0.1", "build/d3-selection-multi.js"),
    (r"cdnjs\.cloudflare\.com/ajax/libs/mathjax/([\d.]+)/(.+)", r"mathjax@\1", r"\2"),
)


def wanted_scripts() -> dict[str, str]:
    """The files that the installed visdom would download: address by place in its static folder.

    visdom's own code lists them: it runs in an empty folder, with a fake network that answers with the address.
    """
    from visdom.server import build

    urllib = mock.Mock()
    urllib.Request = lambda address, **_: address
    urllib.build_opener.return_value.open = lambda address: io.BytesIO(address.encode())
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(build, "request", urllib),
        mock.patch.object(requests, "get", lambda address, **_: mock.Mock(content=address.encode())),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        build.download_scripts(install_dir=folder)
        static = Path(folder, "static")
        files = [file for file in sorted(static.rglob("*")) if file.is_file() and file.name != BUILT]
        return {file.relative_to(static).as_posix(): file.read_text() for file in files}


def npm_source(address: str) -> tuple[str, str] | None:
    """(package@version, file inside it) that is the same as what an address serves; None when that is not known.

    A package's main file is "".
    """
    parts = urlsplit(address)
    place = parts.netloc + parts.path
    for pattern, package, file in SOURCES:
        found = re.fullmatch(pattern, place)
        if found:
            return found.expand(package), found.expand(file)
    return None


def missing_scripts(static: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of `wanted` that the static folder lacks, or has as empty files."""
    there = [place for place in wanted if (static / place).is_file() and (static / place).stat().st_size > 0]
    return {place: address for place, address in wanted.items() if place not in there}


def complete_scripts(static: Path, version: str) -> list[str]:
    """Put what visdom's page lacks into its static folder.

    Args:
        static: visdom's folder of that name.
        version: of visdom, for its mark of a complete download.

    Returns:
        Sentences for the user: what was fetched, or what is missing and why; none when nothing was missing.
    """
    try:
        wanted = wanted_scripts()
    except Exception as error:  # visdom's internals, which a new version may change
        return [f"What the page of visdom {version} needs could not be determined ({error!r}), so it may stay empty."]
    missing = missing_scripts(static, wanted)
    if not missing:
        return []
    reason = "the npm packages have no such files"
    try:
        _fetch(static, missing)
    except ScriptsMissing as trouble:
        reason = str(trouble)
    if left := sorted(missing_scripts(static, wanted)):
        return [
            f"visdom's page lacks {some(left, 4)}, because {reason}: runs can send their plots, but a browser may show "
            "an empty page; run this again with npm and a network, or once `python -m visdom.server` where there is "
            "internet."
        ]
    with contextlib.suppress(OSError):
        (static / BUILT).write_text(version)
    return [f"Fetched {counted(len(missing), 'file')} of visdom's page from the npm registry into {static}."]


class ScriptsMissing(Exception):
    """Why scripts could not be fetched, as a clause."""


def _fetch(static: Path, missing: Mapping[str, str]) -> None:
    """Fetch files by address from npm packages into the static folder, as far as a package is known for them.

    Raises:
        ScriptsMissing: when there is no npm, or it fails, or the folder cannot be written.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ScriptsMissing("there is no npm to fetch it with")
    by_package: dict[str, dict[str, str]] = {}
    for place, address in missing.items():
        if source := npm_source(address):
            by_package.setdefault(source[0], {})[place] = source[1]
    try:
        tempfile.TemporaryFile(dir=static).close()  # whether it can be written
        for package, files in by_package.items():
            with tempfile.TemporaryDirectory() as folder:
                _unpack(_pack(npm, package, Path(folder)), files, static)
    except OSError as error:
        raise ScriptsMissing(f"{error.filename or static} cannot be written ({error.strerror})") from error


def _pack(npm: str, package: str, folder: Path) -> Path:
    """The package as a file, without running any script of it."""
    command = [npm, "pack", package, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NPM_SECONDS, cwd=folder)
    except subprocess.TimeoutExpired:
        raise ScriptsMissing(f"npm did not get {package} in {NPM_SECONDS} s") from None
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode != 0 or packed is None:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise ScriptsMissing(f"npm could not get {package}" + (f" ({words[-1].strip()})" if words else ""))
    return packed


def _unpack(packed: Path, files: Mapping[str, str], static: Path) -> None:
    """Write the files {place: file in the package}, each whole or not at all."""
    with tarfile.open(packed) as archive:
        # The first folder of an npm package is "package" by convention only.
        inside = {name.partition("/")[2]: name for name in archive.getnames()}
        for place, file in files.items():
            stream = archive.extractfile(inside[name]) if (name := file or "index.js") in inside else None
            if stream is None:
                continue
            target = static / place
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            part.write_bytes(stream.read())
            part.replace(target)
