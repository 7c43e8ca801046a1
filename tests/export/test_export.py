"""Every generator of the registry, and those of every method, as a file that gives PyTorch's translations."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cut.cli import export as cli
from cut.errors import UserError
from cut.evaluation.translate.translator import Translator
from cut.export.exportable import NOISE_SIDE, Exportable
from cut.export.exporting import TOLERANCE, export
from cut.export.formats import FORMATS, OPSETS, read_onnx
from cut.models.build import build_generator
from cut.networks.interface import StyledGenerator
from cut.networks.stylegan2_layers import NoiseInjection
from cut.options import train_options
from cut.registry import GENERATORS, MODELS
from tests.evaluation.tiny_run import ARCHITECTURE, save_generator

SIZES = ["--load_size", "64", "--crop_size", "64"]


def of(*words):
    """A generator with fresh weights, in which noise acts."""
    torch.manual_seed(0)
    generator = build_generator(train_options(["--ngf", "4", *SIZES, *words]))
    for layer in generator.modules():
        if isinstance(layer, NoiseInjection):
            nn.init.constant_(layer.weight, 0.3)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.1)
    return generator


def small(name):
    """A method's translator; small where the method has the shared options of networks."""
    words = ["--model", name, *([] if "networks" in MODELS[name].without else ["--ngf", "4"])]
    words += [] if MODELS[name].options is None or name != "munit" else ["--dim", "4"]
    options = train_options(words)
    return MODELS[name].factory.build_translator(options)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", GENERATORS.names())
def test_every_generator_is_exported_within_tolerance(tmp_path, name, kind):
    written = export(Exportable(of("--netG", name)), tmp_path / "g", kind)
    assert written.difference <= TOLERANCE and written.file.is_file() and written.rounding == 0
    assert list(tmp_path.iterdir()) == [written.file]


@pytest.mark.parametrize("words", [["--residual"], ["--normG", "layer"], ["--normG", "batch"], ["--normG", "none"],
                                   ["--no_antialias", "--no_antialias_up"], ["--input_nc", "1", "--nce_idt", "false"]],
                         ids=" ".join)  # fmt: skip
def test_options_of_a_generator(tmp_path, words):
    words = [*words, "--batch_size", "2"] if "batch" in words else words
    module = Exportable(of("--netG", "resnet_4blocks", *words))
    for kind in ("onnx", "torchscript"):
        assert export(module, tmp_path / "g", kind).difference <= TOLERANCE


@pytest.mark.parametrize("name", [entry.name for entry in MODELS.entries() if "train" in entry.phases])
def test_the_translator_of_every_method(tmp_path, name):
    """ONNX only of those that are no generator of the registry: these were tried above."""
    generator = small(name)
    for kind in FORMATS if isinstance(generator, StyledGenerator) else ("torchscript",):
        assert export(Exportable(generator), tmp_path / "g", kind).difference <= TOLERANCE


@pytest.mark.parametrize("words", [["--netG", "resnet_4blocks"], ["--netG", "stylegan2"], ["--netG", "unet_128"],
                                   ["--netG", "resnet_4blocks", "--normG", "batch", "--batch_size", "2"]],
                         ids=" ".join)  # fmt: skip
def test_a_file_translates_as_the_program_does(tmp_path, words):
    generator = of(*words)
    file = export(Exportable(generator, seed=5), tmp_path / "g.onnx").file
    run, translator = read_onnx(file), Translator(generator, training=True, seed=5)  # as without --eval
    for size in ((64, 64), (37, 50), (9, 70)):
        images = torch.rand(2, 3, *size) * 2 - 1
        expected = torch.stack([translator(image) for image in images]).numpy()
        assert np.abs(run(images.numpy()) - expected).max() < TOLERANCE


def test_running_statistics_with_eval(tmp_path):
    generator = of("--netG", "resnet_4blocks", "--normG", "batch", "--batch_size", "2")
    image = torch.rand(1, 3, 40, 40) * 2 - 1
    expected = Translator(generator)(image[0]).numpy()
    found = [Exportable(generator, own)(image)[0].numpy() for own in (False, True)]
    assert np.abs(found[0] - expected).max() < 1e-5 < np.abs(found[1] - expected).max()


def test_noise_repeats_beyond_its_field():
    module = Exportable(of("--netG", "stylegan2"))
    translated = module(torch.zeros(1, 3, 8, NOISE_SIDE + 64))
    inside = slice(40, 44)  # away from the image's own edge
    assert not torch.allclose(translated[..., 40:44], translated[..., 44:48])
    shifted = slice(NOISE_SIDE + inside.start - 16, NOISE_SIDE + inside.stop - 16)
    assert translated[..., shifted].isfinite().all()


def test_a_style_is_an_input_unless_there_is_a_guide(tmp_path):
    generator = small("munit")
    assert isinstance(generator, StyledGenerator)
    module = Exportable(generator)
    image, style = module.inputs(2, 32, 32)
    run = read_onnx(export(module, tmp_path / "g.onnx").file)
    expected = generator.eval().translate(image, style)[0].detach().numpy()
    assert np.abs(run(image.numpy(), style.numpy()) - expected).max() < TOLERANCE
    assert np.abs(run(image.numpy(), style.numpy() + 1) - expected).max() > 1e-3
    generator.guide = torch.rand(1, 3, 64, 64) * 2 - 1
    guided = Exportable(generator)
    assert not guided.takes_style and export(guided, tmp_path / "g2.onnx").difference <= TOLERANCE


@pytest.mark.parametrize(("kind", "weights"), [*((kind, "fp16") for kind in FORMATS), ("onnx", "bf16")])
def test_weights_in_fewer_bits_make_smaller_files(tmp_path, kind, weights):
    generator = build_generator(train_options(["--netG", "resnet_4blocks", "--ngf", "16", *SIZES]))
    whole = export(Exportable(generator), tmp_path / "whole", kind).file.stat().st_size
    written = export(Exportable(generator), tmp_path / "half", kind, weights=weights)
    assert 0 < written.rounding < 0.05 and written.file.stat().st_size < 0.75 * whole


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_the_file_says_what_it_is(tmp_path, opset):
    import onnx

    file = export(Exportable(of("--netG", "resnet_4blocks")), tmp_path / "g", facts={"model": "cut"}, opset=opset).file
    model = onnx.load(file)
    assert [one.version for one in model.opset_import if not one.domain] == [opset]
    assert {one.key: one.value for one in model.metadata_props}["model"] == "cut"
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert model.graph.input[0].name == "image" and [bool(dim.dim_param) for dim in dims] == [True, False, True, True]


def test_what_cannot_be_exported_is_one_sentence_and_leaves_no_file(tmp_path):
    class Odd(type(of("--netG", "resnet_4blocks"))):
        def forward(self, image):
            return image * float(image.mean().item() > 0.2)

    with pytest.raises(UserError, match="cannot be exported as onnx|differs from PyTorch") as refused:
        export(Exportable(Odd(ngf=2, blocks=1)), tmp_path / "g.onnx")
    assert len(refused.value.problems) == 1 and "\n" not in str(refused.value) and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file cannot be written"):
        export(Exportable(of("--netG", "resnet_4blocks")), tmp_path / "file" / "g.onnx")


@pytest.mark.parametrize("name", ["resnet_4blocks", "munit"])
def test_the_example_runs_without_torch(tmp_path, name):
    generator = small("munit") if name == "munit" else of("--netG", name)
    export(Exportable(generator), tmp_path / "g.onnx")
    Image.fromarray(np.zeros((20, 31, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "torch.py").write_text("raise AssertionError")  # first on the path
    words = [str(tmp_path / file) for file in ("g.onnx", "a.png", "b.png")]
    example = Path(__file__).parents[2] / "scripts" / "translate_onnx.py"
    subprocess.run([sys.executable, example, *words], check=True, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert Image.open(tmp_path / "b.png").size == (31, 20)


def test_the_command(tmp_path, capsys):
    save_generator(tmp_path / "mine")
    words = ["--name", "mine", "--checkpoints_dir", str(tmp_path), "--gpu_ids", "-1", *ARCHITECTURE]
    assert cli.main([*words, "--format", "torchscript"]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "mine" / "latest.torchscript.pt") in said and "the largest difference is" in said
    assert cli.main([*words, "--opset", "7"]) == 2 and "use 18 to 23" in capsys.readouterr().err
    assert cli.main([*words, "--epoch", "9"]) == 2 and "--epoch 9 was not saved" in capsys.readouterr().err
