"""Translate a picture with a file of `cut export`, without PyTorch: pip install onnxruntime pillow numpy.

python scripts/translate_onnx.py latest.onnx photo.jpg translated.png
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image

if len(sys.argv) != 4:
    raise SystemExit("Usage: python scripts/translate_onnx.py MODEL.onnx PICTURE RESULT")
model, source, target = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
channels = session.get_inputs()[0].shape[1]
pixels = np.asarray(Image.open(source).convert("RGB" if channels == 3 else "L"), np.float32)
pixels = pixels.reshape(*pixels.shape[:2], channels)  # (H, W, C) in 0 … 255
inputs = {"image": pixels.transpose(2, 0, 1)[None] / 127.5 - 1}  # (1, C, H, W) in [−1, 1]
for extra in session.get_inputs()[1:]:  # the style of methods that have one, from N(0, 1)
    inputs[extra.name] = np.random.default_rng(0).standard_normal(extra.shape, np.float32)
translated = session.run(["translation"], inputs)[0][0].transpose(1, 2, 0)
picture = np.clip(np.round((translated + 1) * 127.5), 0, 255).astype(np.uint8)
Image.fromarray(picture if picture.shape[2] == 3 else picture[..., 0]).save(target)
