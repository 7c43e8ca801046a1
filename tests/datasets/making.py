"""Makes small archives and pictures, and looks at what a script left."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from PIL import Image

SCRIPTS = Path(__file__).resolve().parents[2] / "datasets"


def run_script(name: str, *arguments) -> subprocess.CompletedProcess:
    """`python datasets/NAME arguments` from another folder."""
    command = [sys.executable, SCRIPTS / name, *arguments]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, cwd="/", check=False)


def tree(folder: Path) -> dict[str, bytes]:
    """Contents of all files below `folder`, by relative path."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def zip_bytes(members: dict[str, bytes]) -> bytes:
    """A zip archive, uncompressed, of the named files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def picture(size: tuple[int, int] = (8, 8), colour: tuple[int, int, int] = (10, 200, 30), kind: str = "PNG") -> bytes:
    """A picture of one colour, encoded."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()
