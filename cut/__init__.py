"""Unpaired image-to-image translation: CUT, FastCUT, SinCUT (Park et al., ECCV 2020) and their relatives."""

__version__ = "0.1.0"
