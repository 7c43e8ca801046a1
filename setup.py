"""Installs the package `cut`; the scripts train.py and test.py run from a clone without it."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements() -> dict[str, list[str]]:
    """What requirements.txt lists by extra, in its order; "" is what the package needs itself."""
    found: dict[str, list[str]] = {"": []}
    name = ""
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        heading = re.match(r"# \[(\w+)\]", line)
        name = heading[1] if heading else name
        if requirement := line.split("#")[0].strip():
            found.setdefault(name, []).append(requirement)
    return found


REQUIREMENTS = requirements()

setup(
    name="cut-translation",
    version=re.search(r'__version__ = "(.+)"', (ROOT / "cut" / "__init__.py").read_text(encoding="utf-8"))[1],
    description="Unpaired image-to-image translation: CUT, FastCUT, SinCUT, CycleGAN and others",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the CUT framework authors",
    license="BSD-2-Clause",
    license_files=["LICENSE"],
    keywords=["image-to-image translation", "unpaired", "contrastive learning", "GAN", "PyTorch"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
    python_requires=">=3.11",
    # The shipped configurations are data of the package when it is installed (cut.options finds them in either place).
    packages=[*find_packages(include=["cut", "cut.*"]), "cut.configs"],
    package_dir={"cut.configs": "configs"},
    package_data={"cut": ["py.typed"], "cut.configs": ["*.yaml", "*/*.yaml"], "cut.monitoring.web": ["page/*"]},
    entry_points={"console_scripts": ["cut = cut.cli.console:console"]},
    install_requires=REQUIREMENTS.pop(""),
    extras_require={**REQUIREMENTS, "dev": [*REQUIREMENTS["test"], "pre-commit"]},
)
