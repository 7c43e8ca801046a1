"""CUT, FastCUT and SinCUT: contrastive unpaired image-to-image translation (Park et al., ECCV 2020)."""

import importlib
import pkgutil

from cut import data, losses, models, networks
from cut.evaluation.features import extractors

__version__ = "0.1.0"

# A component registers itself when its module is imported, so every module of these packages is: adding a generator
# means adding one file. The options read the registries afterwards.
for _package in (data, networks, losses, models, extractors):
    for _module in pkgutil.iter_modules(_package.__path__):
        importlib.import_module(f"{_package.__name__}.{_module.name}")
