"""How good translations are, one file a measure. What is registered here is known to `--best_metric`, tables and pages.

A file registers a function with `MEASURES.register`; `psnr.py` is the one to copy. It must import quickly, without
NumPy or PyTorch, because the command line lists the names of the measures.
"""
