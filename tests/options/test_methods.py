"""Which options a method takes: its own, those of its components, and the published names of either."""

import pytest

from cut.errors import UserError
from cut.options import Rule, as_saved_yaml, run_script, train_options
from cut.options import test_options as options_to_test
from cut.registry import MODELS, NCE_LOSSES

OF_DISCRIMINATORS = ("netD", "ndf", "gan_mode", "lambda_GP", "D_patch_size")


def help_of(capsys, *words: str, parse=train_options) -> str:
    with pytest.raises(SystemExit):
        parse([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize(("model", "default"), [("cut", 0.0), ("sincut", 1.0), ("cycle_gan", 0.5)])
def test_methods_may_have_an_option_of_one_name_with_their_own_defaults(model, default, capsys):
    assert train_options(["--model", model]).method.lambda_identity == default
    assert train_options(["--model", model, "--lambda_identity", "3"]).method.lambda_identity == 3
    shown = help_of(capsys, "--model", model).split("--lambda_identity ")[1].split("\n  --")[0]
    assert f"[{default}]" in shown


def test_an_option_of_other_methods_is_refused_with_their_names(register):
    register(MODELS, "zycle", options=type(train_options(["--model", "cycle_gan"]).method))
    with pytest.raises(UserError, match="belongs to --model cycle_gan .*or zycle, but the model is cut"):
        train_options(["--lambda_A", "1"])


def test_a_method_without_a_discriminator_neither_shows_nor_takes_its_options(register, capsys):
    register(MODELS, "alone", without=("discriminator",))
    shown, usual = help_of(capsys, "--model", "alone"), help_of(capsys)
    flat = train_options(["--model", "alone"]).flat()
    for name in OF_DISCRIMINATORS:
        assert f"--{name} " in usual and f"--{name} " not in shown and name not in flat
        with pytest.raises(UserError, match=f"--{name} belongs to --model .*but the model is alone"):
            train_options(["--model", "alone", f"--{name}", "1"])
    assert "--netG " in shown and "netG" in flat


def test_a_published_name_stands_for_the_options_of_its_method(tmp_path):
    options = train_options(["--model", "cycle_gan", "--norm", "batch", "--batch_size", "2"])
    assert options.networks.normG == options.discriminator.normD == "batch"
    (tmp_path / "mine.yaml").write_text("model: cycle_gan\nnorm: none\n")
    options = train_options(["--config", str(tmp_path / "mine.yaml"), "--normD", "batch"])
    assert (options.networks.normG, options.discriminator.normD) == ("none", "batch")
    assert options_to_test(["--model", "test", "--norm", "batch"]).networks.normG == "batch"
    with pytest.raises(UserError, match="There is no option --norm"):
        train_options(["--norm", "batch"])


def test_another_name_of_a_method_is_read_as_its_own(register, tmp_path):
    register(MODELS, "mine", also=("my_method",))
    (tmp_path / "mine.yaml").write_text("model: my_method\n")
    for words in (["--model", "my_method"], ["--config", str(tmp_path / "mine.yaml")]):
        assert train_options(words).run.model == "mine"
    assert train_options([]).replace(model="my_method").run.model == "mine"


def test_a_component_brings_defaults_below_the_preset_and_all_that_is_given(register, tmp_path):
    register(NCE_LOSSES, "mine", defaults={"train": {"lambda_NCE": 3, "nce_T": 0.5, "num_patches": 7}})
    plain, chosen = train_options([]).method, train_options(["--nce_loss", "mine"]).method
    assert (plain.lambda_NCE, plain.nce_T, plain.num_patches) == (1, 0.07, 256)
    assert (chosen.lambda_NCE, chosen.nce_T, chosen.num_patches) == (3, 0.5, 7)
    (tmp_path / "mine.yaml").write_text("nce_loss: mine\nnum_patches: 8\n")
    words = ["--config", str(tmp_path / "mine.yaml"), "--CUT_mode", "FastCUT", "--nce_T", "0.1"]
    chosen = train_options(words).method
    assert (chosen.lambda_NCE, chosen.nce_T, chosen.num_patches) == (10, 0.1, 8)
    assert train_options(["--model", "sincut", "--nce_loss", "mine"]).method.num_patches == 7


def test_a_component_brings_published_names_and_rules(register):
    rule = Rule(("num_patches",), lambda values: None if values["num_patches"] > 1 else "Too few.", "train")
    register(NCE_LOSSES, "mine", aliases={"heft": ("lambda_NCE",), "twin": ("nce_idt",)}, rules=(rule,))
    words = ["--nce_loss", "mine", "--heft", "2", "--twin", "--nce_T", "0.5"]
    options = train_options(words)
    assert options.method.lambda_NCE == 2 and options.method.nce_idt is True
    assert options.replace(heft=4, twin=False) == options.replace(lambda_NCE=4, nce_idt=False)
    assert train_options(["--num_patches", "1"]).method.num_patches == 1
    with pytest.raises(UserError, match=r"^Too few\.$"):
        train_options(["--nce_loss", "mine", "--num_patches", "1"])
    with pytest.raises(UserError, match="There is no option --heft"):
        train_options(["--model", "cycle_gan", "--heft", "2"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "--nce_loss hdce --dce_idt --lambda_HDCE 0.1 --lambda_SRC 0.05 --use_curriculum --HDCE_gamma 50 "
            "--HDCE_gamma_min 10",
            {"nce_idt": True, "lambda_NCE": 0.1, "lambda_SRC": 0.05, "use_curriculum": True, "HDCE_gamma": 50},
        ),
        ("--nce_loss hdce", {"nce_idt": False, "lambda_NCE": 1, "lambda_SRC": 1, "HDCE_gamma": 1, "no_Hneg": False}),
        (
            "--nce_loss monce --CUT_mode CUT --cost_type easy --eps 0.1 --neg_term_weight 0.5 --batch_size 12",
            {"monce_cost": "easy", "monce_eps": 0.1, "monce_weight": 0.5, "lambda_NCE": 1, "nce_idt": True},
        ),
        ("--nce_sampler qs_local", {"nce_layers": "0,4,8,12,16", "lambda_NCE": 1, "qs_windows": "intended"}),
    ],
)
def test_published_lines_of_the_descendants_of_cut(line, expected):
    flat = train_options(line.split()).flat()
    assert {name: flat[name] for name in expected} == expected


@pytest.mark.parametrize("word", ["false", "no", "0"])
def test_a_flag_that_a_method_switches_on_can_be_switched_off(word):
    assert train_options(["--model", "cycle_gan"]).networks.no_antialias
    assert train_options(["--model", "cycle_gan", "--no_antialias"]).networks.no_antialias
    options = train_options(["--model", "cycle_gan", "--no_antialias", word])
    assert not options.networks.no_antialias and options.networks.no_antialias_up


def test_one_generator_of_a_weight_file_cannot_be_trained(capsys):
    assert run_script(lambda options: 1 / 0, train_options, ["--model", "test", "--dataroot", "d"]) == 2
    assert capsys.readouterr().err == "--model test is for test.py only.\n"
    assert "test" not in help_of(capsys).split("--model {")[1].split("}")[0].split(",")
    assert "test" in help_of(capsys, parse=options_to_test).split("--model {")[1].split("}")[0].split(",")


def test_one_generator_that_is_a_unet_has_its_dropout_as_in_pix2pix():
    def no_dropout(line: str) -> bool:
        return options_to_test(line.split()).networks.no_dropout

    assert no_dropout("--model test --model_suffix _A") and no_dropout("--model cycle_gan --netG unet_256")
    assert not no_dropout("--model test --netG unet_256 --norm batch")
    assert no_dropout("--model test --netG unet_256 --norm batch --no_dropout")


@pytest.mark.parametrize("model", ["cycle_gan", "gcgan", "distance_gan", "pix2pix", "dcl", "simdcl"])
def test_hinge_of_the_baselines_is_dclgans(model):
    assert train_options(["--model", model, "--gan_mode", "hinge"]).flat()["hinge_generator"] == "margin"
    assert train_options(["--gan_mode", "hinge"]).flat()["hinge_generator"] == "linear"


def test_a_value_may_begin_with_a_minus():
    assert train_options(["--value_range", "-1000,400"]).flat()["value_range"] == "-1000,400"
    assert train_options(["--dicom_window", "-600.5,1500"]).formats.window == (-600.5 - 750, -600.5 + 750)
    with pytest.raises(UserError, match="There is no option -1000"):
        train_options(["-1000,x"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--lambda_HDCE 0.1", "--lambda_HDCE is for --nce_loss hdce, not ce: choose that, or leave it out."),
        ("--nce_loss hdce --cost_type easy", "--cost_type is for --nce_loss monce, not hdce"),
        ("--qs_windows published", "--qs_windows is for --nce_sampler qs_global or qs_local or qs_local_global, not"),
        ("--model cycle_gan --lambda_GP 5", "--lambda_GP is for --gan_mode wgangp, not lsgan"),
    ],
)
def test_an_option_of_what_was_not_chosen_is_refused(words, problem):
    with pytest.raises(UserError, match=problem):
        train_options(words.split())


def test_what_a_continued_run_chose_counts(tmp_path):
    place = ["--checkpoints_dir", str(tmp_path), "--name", "mine"]
    (tmp_path / "mine").mkdir()
    first = train_options(["--dataroot", "x", "--nce_loss", "hdce", "--HDCE_gamma", "2", *place])
    (tmp_path / "mine" / "options.yaml").write_text(as_saved_yaml(first))
    again = train_options([*place, "--continue_train", "--HDCE_gamma", "2"])
    assert again.flat()["HDCE_gamma"] == 2 and again.flat()["nce_loss"] == "hdce"


def test_what_a_run_saved_is_a_config_for_another(tmp_path):
    for model in ("cut", "dcl"):
        saved = as_saved_yaml(train_options(["--dataroot", "x", "--model", model, "--gan_mode", "lsgan"]))
        (tmp_path / "saved.yaml").write_text(saved)
        assert train_options(["--config", str(tmp_path / "saved.yaml")]).flat()["gan_mode"] == "lsgan"


def test_help_of_a_method_that_does_not_exist_is_a_sentence():
    with pytest.raises(UserError, match="model is 'nope', which is not a choice"):
        train_options(["--help", "--model", "nope"])
    with pytest.raises(UserError, match="for which you write --model cut --CUT_mode FastCUT here"):
        train_options(["--model", "fastcut"])


def test_one_side_alone():
    with pytest.raises(UserError, match="Side B has no images: give --dataroot_B"):
        train_options(["--dataroot_A", "scans"], to_run=True)
