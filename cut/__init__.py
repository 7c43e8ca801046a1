"""Unpaired image-to-image translation: CUT, FastCUT and SinCUT (Park et al., ECCV 2020), and CycleGAN."""

__version__ = "0.1.0"
