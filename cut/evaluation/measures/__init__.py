"""Measures of translations, one file each. `--best_metric`, tables and pages list those that are registered here.

A file registers a function with `MEASURES.register`; `psnr.py` is the one to copy. It must import quickly, without
NumPy or PyTorch, because the command line lists the names of the measures.
"""
