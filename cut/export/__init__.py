"""A trained generator as one file for other programs: ONNX, TorchScript, torch.export.

`exportable.py` makes one module of it that takes any size, `formats.py` writes files, and `exporting.py` checks them.
"""
