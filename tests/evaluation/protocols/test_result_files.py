"""Output names: one for each input, whatever the inputs are called."""

from pathlib import PurePosixPath as P

import pytest

from cut.evaluation.protocols.result_files import output_names


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (["x.jpg"], ["x.png"]),
        (["a/x.png", "b/x.png"], ["a/x.png", "b/x.png"]),
        (["x.jpg", "x.png", "y.JPG"], ["x.jpg.png", "x.png.png", "y.png"]),
        (["x.jpg", "X.png"], ["x.jpg.png", "X.png.png"]),
        (["x.jpg", "x.png", "x.jpg.png"], ["x.jpg.png", "x.png.png", "x.jpg.png.png"]),
        (["frame.0001.jpg", "frame.0002.jpg"], ["frame.0001.png", "frame.0002.png"]),
        (["x.jpg", "x.png/y.jpg"], ["x.jpg.png", "x.png/y.png"]),
        (["grüße & <b>.tif"], ["grüße & <b>.png"]),
    ],
)
def test_names(inputs, outputs):
    assert [name.as_posix() for name in output_names([P(name) for name in inputs])] == outputs
