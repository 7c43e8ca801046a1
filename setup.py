"""Installs the package `cut`; the scripts train.py and test.py run from a clone without it."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
REQUIREMENTS = [requirement for line in LINES if (requirement := line.split("#")[0].strip())]
DEVELOPMENT = {
    "pytest", "tensorboard", "lpips", "timm", "clean-fid", "playwright", "ruff", "mypy", "types-PyYAML",
    "types-requests", "types-tqdm",
}  # fmt: skip
TESTS = [requirement for requirement in REQUIREMENTS if re.split("[<>=~]", requirement)[0] in DEVELOPMENT]

setup(
    name="cut-translation",
    version=re.search(r'__version__ = "(.+)"', (ROOT / "cut" / "__init__.py").read_text(encoding="utf-8"))[1],
    description="CUT, FastCUT and SinCUT: contrastive unpaired image-to-image translation",
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
    package_data={"cut.configs": ["*.yaml", "palettes/*.yaml"], "cut.monitoring.web": ["page/*"]},
    install_requires=[requirement for requirement in REQUIREMENTS if requirement not in TESTS],
    extras_require={
        "tensorboard": ["tensorboard"],
        "slurm": ["submitit"],
        "scores": ["lpips", "timm"],
        "test": TESTS,
        "dev": [*TESTS, "pre-commit"],
    },
)
