"""`cut weights FILE`: what it says is enough to translate with the file."""

import shlex

import pytest
import torch

from cut.cli import weights
from cut.evaluation.translate.trained import trained_generator
from cut.models.build import build_discriminator, build_generator, build_head
from cut.networks.identify import identify
from cut.networks.munit import StyleAutoEncoder
from cut.networks.weights import export_weights
from cut.options import test_options as options_to_test
from cut.options import train_options
from cut.registry import DISCRIMINATORS, GENERATORS


def save(folder, network, name="latest_net_G.pth"):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network if isinstance(network, dict) else export_weights(network), folder / name)
    return folder / name


@pytest.mark.parametrize(
    "words",
    [
        *(f"--netG {name}" for name in GENERATORS.names()),
        "--no_antialias --no_antialias_up --no_dropout false",
        "--normG batch --batch_size 2",
        "--normG none",
        "--normG affine_instance",
        "--input_nc 1 --nce_idt false",
        "--ngf 24",
        "--model sincut",
        "--model pix2pix",
    ],
)
def test_what_it_says_loads_the_file(tmp_path, capsys, words):
    chosen = words.split()
    if "--ngf" not in chosen and "--model" not in chosen:
        chosen += ["--ngf", "8"]
    network = build_generator(train_options([*chosen, "--load_size", "128", "--crop_size", "128"]))
    file = save(tmp_path / "NAME", network)
    assert weights.main([str(file)]) == 0
    said = capsys.readouterr().out
    command = said.split("Then ")[1].strip().split("translated")[1]
    options = options_to_test(["--name", "NAME", "--checkpoints_dir", str(tmp_path), *shlex.split(command)])
    loaded = trained_generator(options, "latest").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())


def test_the_name_of_the_file_says_which_methods(tmp_path, capsys):
    network = build_generator(train_options(["--model", "cycle_gan", "--ngf", "4"]))
    weights.main([str(save(tmp_path, network, "200_net_G_A.pth"))])
    said = capsys.readouterr().out
    assert "cycle_gan" in said and "latest_net_G_A.pth" in said and "--model cycle_gan" in said


@pytest.mark.parametrize("name", ["basic", "n_layers", "pixel", "stylegan2"])
def test_discriminators_and_heads_are_named(name):
    options = train_options(["--netD", name, "--ndf", "8", "--load_size", "256"])
    found = identify(export_weights(build_discriminator(options)))
    assert name in DISCRIMINATORS and found.kind == "discriminator" and found.options["ndf"] == 8
    assert identify(export_weights(build_head(options, [3, 5]))).options == {"netF": "mlp_sample", "netF_nc": 256}


def test_munits_file_of_both_domains(tmp_path, capsys):
    part = export_weights(StyleAutoEncoder(3, 4))
    assert weights.main([str(save(tmp_path, {"a": part, "b": part}, "gen.pt"))]) == 0
    assert "both domains" in (said := capsys.readouterr().out) and "--dim 4" in said


def test_other_files_are_one_sentence(tmp_path, capsys):
    (tmp_path / "page.pth").write_text("<!doctype html>")
    other = save(tmp_path, {"backbone.conv.weight": torch.zeros(4, 3, 3, 3)}, "other.pth")
    state = save(tmp_path, {"state": {}, "optimizers": {}}, "latest_training_state.pth")
    for file in (tmp_path / "page.pth", other, state, tmp_path / "nothing.pth"):
        assert weights.main([str(file)]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and file.name in said.err
