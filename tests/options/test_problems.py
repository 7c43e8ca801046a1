"""Every problem is said at once, each in a sentence that names what to do."""

import os
from dataclasses import dataclass

import pytest

from cut.errors import UserError
from cut.options import at_least, option, train_options
from cut.options import test_options as options_to_test
from cut.options.machinery.catalogue import everything
from cut.options.machinery.command_line import RUN_VERBS
from cut.options.machinery.words import SYNONYMS
from cut.registry import MODELS


def problems(words, parse=train_options, **more):
    with pytest.raises(UserError) as error:
        parse(words if isinstance(words, list) else words.split(), **more)
    return error.value.problems


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("--lamda_NCE 3", "There is no option --lamda_NCE (did you mean --lambda_NCE?)."),
        ("--lambda_N 3", "There is no option --lambda_N (did you mean --lambda_NCE?)."),
        ("--epochs 5", "There is no option --epochs (did you mean --n_epochs?)."),
        ("--batch-size 5", "There is no option --batch-size (did you mean --batch_size?)."),
        ("--num-workers=5", "There is no option --num-workers (did you mean --num_threads?)."),
        ("--loadSize 5", "There is no option --loadSize (did you mean --load_size?)."),
        ("--learning_rate 1", "There is no option --learning_rate (did you mean --lr?)."),
        ("--resume", "There is no option --resume (did you mean --continue_train?)."),
        ("--output_dir x", "There is no option --output_dir (did you mean --checkpoints_dir?)."),
        ("--netG resnet_9block", "--netG is 'resnet_9block', which is not a choice (did you mean resnet_9blocks?)"),
        ("--CUT_mode CUTmode", "--CUT_mode is 'CUTmode', which is not a choice (did you mean CUT?); choose one of"),
        ("--direction BtoB", "--direction is 'BtoB', which is not a choice (did you mean"),
        ("--lr_policy constant", "--lr_policy is 'constant', which is not a choice; choose one of linear, "),
        ("--batch_size two", "--batch_size is 'two' but must be a whole number."),
        ("--batch_size 0", "--batch_size is 0 but must be at least 1."),
        ("--lr 0", "--lr is 0.0 but must be a finite number above 0."),
        ("--lr nan", "--lr is nan but must be a finite number above 0."),
        ("--lambda_GAN inf", "--lambda_GAN is inf but must be a finite number of at least 0."),
        ("--beta1 1", "--beta1 is 1.0 but must be at least 0 and below 1."),
        ("--nce_idt perhaps", "--nce_idt is 'perhaps' but must be true or false."),
        ("--max_dataset_size 1.5", "--max_dataset_size is '1.5' but must be a whole number or inf."),
        ("--nce_layers 0,4,", "--nce_layers is '0,4,' but must be different layer numbers of at least 0"),
        ("--nce_layers 0,-4", "--nce_layers is '0,-4' but must be"),
        ("--nce_layers 4,0,4", "--nce_layers is '4,0,4' but must be"),
        ("--name a/b", "--name is 'a/b' but must be a name that is not empty and has no path separators."),
        ("--name ..", "--name is '..' but must be"),
        ("--name a --suffix {x}", "--suffix '{x}' cannot be filled in"),
        ("--name a --suffix {checkpoints_dir}", "The run's name with its --suffix is 'a_./checkpoints' but must be"),
        ("--preprocess resize_and_corp", "--preprocess is 'resize_and_corp' but must be none, or words out of "),
        ("--crop_size 400", "--crop_size 400 is larger than --load_size 286, to which images are scaled before"),
        ("--gpu_ids 0,1", "--gpu_ids is '0,1' but must be auto, -1 for the CPU, or the number of one GPU; for"),
        ("--pool_size 50", "--pool_size is 50 but must be 0: CUT has no image pool."),
        ("--input_nc 1", "The identity loss passes target images through the generator"),
        ("--lambda_NCE 0 --lambda_GAN 0", "All loss weights are 0, so nothing would be trained; set --lambda_GAN or"),
        ("--model qs", "--model is 'qs', for which you write --model cut --nce_sampler qs_global, qs_local or"),
        ("--QS_mode global", "There is no option --QS_mode (did you mean --nce_sampler?)."),
        ("--nce_sampler global", "--nce_sampler is 'global', which is not a choice (did you mean qs_global?)"),
        ("--nce_loss monce --num_patches 1", "--nce_loss monce weighs num_patches − 1 negatives, and --num_patches 1"),
        ("--model sincut --nce_loss monce", "--nce_loss monce weighs num_patches − 1 negatives, and --num_patches 1"),
        ("--nce_loss monce --eps 0.001", "--monce_eps is 0.001 but must be at least 0.01."),
        ("--nce_loss hdce --HDCE_gamma 0", "--HDCE_gamma is 0.0 but must be a finite number above 0."),
        ("--lambda_GAN 0 --lambda_NCE 0 --lambda_SRC 0", "All loss weights are 0, so nothing would be trained; set"),
        ("--epoch_count 401", "There is no epoch to train: --n_epochs 200 and --n_epochs_decay 200 end at epoch 400"),
        ("--seed", "--seed needs a value."),
        ("--no_flip 3", "--no_flip takes true, false or no value, so '3' cannot follow it."),
        ("stray", "'stray' belongs to no option."),
        ("--num_test 3", "--num_test belongs to test.py; train.py does not take it."),
        ("--config", "--config needs a file."),
        ("--config configs/fastcut.yml", "There is no file configs/fastcut.yml (did you mean configs/fastcut.yaml?)."),
    ],
)  # fmt: skip
def test_sentences_of_training(words, sentence):
    (said,) = problems(words)
    assert said.startswith(sentence) and said.endswith(".")


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("--lr 1", "--lr belongs to train.py; test.py does not take it."),
        ("--input a.png", "--input needs --output too"),
        ("--output a", "--output needs --input too"),
        ("--crop_size 512", "--crop_size 512 is larger than --load_size 256"),
    ],
)
def test_sentences_of_testing(words, sentence):
    (said,) = problems(words, options_to_test)
    assert said.startswith(sentence)


def test_all_at_once():
    said = problems("--lr -1 --netG nothing --bath_size 3 --crop_size 300 --num_threads x")
    assert len(said) == 5 and all(sentence.endswith(".") for sentence in said)


def test_a_refused_value_does_not_cause_a_second_sentence():
    assert len(problems("--crop_size 300 --load_size x")) == 1


def test_a_refused_name_is_not_looked_for():
    assert len(problems("--name a/b --continue_train")) == 1


def test_data_must_be_given_to_run_only():
    assert problems("--name x", to_run=True) == (
        "Give --dataroot, the folder that holds your images in trainA and trainB.",
    )
    assert len(problems("--name x", options_to_test, to_run=True)) == 1
    assert options_to_test(["--input", "a", "--output", "b"], to_run=True).testing.output == "b"
    assert train_options(["--dry_run"], to_run=True).dry_run


def test_channels_may_differ_without_identity_loss():
    assert train_options(["--input_nc", "1", "--nce_idt", "false"]).data.input_nc == 1


def test_own_options_of_another_model(register):
    @dataclass(frozen=True)
    class MineOptions:
        lambda_mine: float = option(1.0, "weight of mine", check=at_least(0))

    register(MODELS, "mine", options=MineOptions)
    assert problems("--lambda_mine 2") == (
        "--lambda_mine belongs to --model mine, but the model is cut (did you mean lambda_NCE?).",
    )
    assert train_options(["--model", "mine", "--lambda_mine", "2"]).method.lambda_mine == 2
    assert "lambda_mine" not in train_options([]).flat()
    assert len(problems("--model mien --lambda_mine 2")) == 1  # about the model only


def test_a_preset_that_the_model_does_not_have(register):
    register(MODELS, "mine")
    assert problems("--model mine --CUT_mode FastCUT") == (
        "--CUT_mode belongs to --model cut or sincut, but the model is mine.",
    )


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("lamda_NCE: 3", "There is no option lamda_NCE in FILE (did you mean lambda_NCE?)."),
        ("lr: fast", "lr in FILE is 'fast' but must be a number."),
        ("no_flip: 3", "no_flip in FILE is 3 but must be true or false."),
        ("name: true", "name in FILE is True but must be text."),
        ("dry_run: true", "There is no option dry_run in FILE."),
        ("lr: 1\nlr: 2", "FILE is not valid YAML: lr is given twice in line 2."),
        ("lr: [1", "FILE is not valid YAML: "),
        ("- lr", "FILE must hold lines of the form 'option: value'."),
        ("nce_layers: [0, 4]", "nce_layers in FILE is [0, 4] but must be text."),
    ],
)
def test_sentences_about_a_config(tmp_path, text, sentence):
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    (said,) = problems(["--config", str(file)])
    assert said.startswith(sentence.replace("FILE", str(file)))


def test_names_of_other_programs_are_those_of_existing_options():
    known = {**everything(), **RUN_VERBS}
    assert set(SYNONYMS) <= set(known)
    assert not [word for words in SYNONYMS.values() for word in words if word in known or word != word.lower()]


def test_test_py_suggests_what_it_takes():
    assert problems("--dataroot d --epochs 5", options_to_test) == (
        "There is no option --epochs (did you mean --epoch?).",
    )
    (problem,) = problems("--dataroot d --output_dir x", options_to_test)
    assert problem == "There is no option --output_dir (did you mean --results_dir?)."


def test_a_config_with_the_name_of_another_program(tmp_path):
    (tmp_path / "x.yaml").write_text("epochs: 5\n")
    (problem,) = problems(["--config", str(tmp_path / "x.yaml")])
    assert problem == f"There is no option epochs in {tmp_path}/x.yaml (did you mean n_epochs?)."


def test_shipped_configs_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train_options(["--config", "configs/fastcut.yaml"]).method.lambda_NCE == 10
    assert train_options(["--config", "fastcut"]).method.lambda_NCE == 10
    assert problems("--config fastcutt")[0] == "There is no file fastcutt (did you mean configs/fastcut.yaml?)."
    assert problems("--config fastcut.yaml") == ("There is no file fastcut.yaml (did you mean configs/fastcut.yaml?).",)
    assert problems("--config configs/fastcutt.yaml")[0].endswith("(did you mean configs/fastcut.yaml?).")
    assert problems("--config nothing.yaml") == ("There is no file nothing.yaml.",)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/fastcut.yaml").write_text("lambda_NCE: 7\n")  # one's own comes first
    assert train_options(["--config", "configs/fastcut.yaml"]).method.lambda_NCE == 7


@pytest.mark.parametrize(
    "text",
    ["seed: !!timestamp 2024", "seed: 0x_", "seed: 0b_", "seed: !!int x", "seed: !!float x", "seed: !!map [a]"]
    + ["seed: !!binary é", "!!map [a]", "seed: !!omap x", "seed: !!set [a]", "? [a]\n: 1", "? {a: 1}\n: 1"]
    + ["!!seq {a: 1}"]
    + [f"seed: {'9' * 5000}", f"seed: 0x{'f' * 5000}", f"{'9' * 5000}: 1", f"seed: {':'.join(['59'] * 3000)}"]
    + ["seed: " + "[" * 3000, "seed: " + "{a: " * 3000, "- " * 3000, "[" * 100_000]
    + ['name: "a\\0b"', 'name: "a\\uD800b"', '"a\\0b": 1', '"\\uDFFF": 1', 'dataroot: "a\\0"']
    + ["name: a\0b", "name: \x07", "a: &x [1]\nb: [*x, *x]", "<<: &x {a: 1}\nb: *x", "a: *x", "a: &x [*x]"]
    + ["--- 1\n--- 2", "%YAML 9", "a: !!python/x y"]
    + ["\t", "a: 'x", "@", "a: b: c", "!<", "a: !<x", "\ufeff\ufeff: ]"],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_odd_yaml_is_one_sentence_that_names_the_file(tmp_path, text):
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    (said,) = problems(["--config", str(file)])
    assert str(file) in said and "\n" not in said and len(said) < 500 + len(str(file)) and said.endswith(".")
    assert not [letter for letter in said if letter < " " or "\ud800" <= letter <= "\udfff"]


def test_a_date_is_a_text(tmp_path):
    (tmp_path / "c.yaml").write_text("name: 2024-13-45\neasy_label: 2024-01-02\n")
    options = train_options(["--config", str(tmp_path / "c.yaml")])
    assert (options.run.name, options.run.easy_label) == ("2024-13-45", "2024-01-02")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name: \xed\xa0\x80", b"# " + b"x" * 2**20])
def test_a_file_that_is_no_text_or_far_too_large_is_one_sentence(tmp_path, content):
    (tmp_path / "c.yaml").write_bytes(content)
    (said,) = problems(["--config", str(tmp_path / "c.yaml")])
    assert str(tmp_path / "c.yaml") in said and "\n" not in said


def test_a_named_pipe_as_config_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "c.yaml")
    assert "is a named pipe" in problems(["--config", str(tmp_path / "c.yaml")])[0]


@pytest.mark.parametrize("word", ["9" * 5000, "9" * 30, "x" * 5000])
def test_a_value_of_any_length_is_refused_in_a_line(word):
    (said,) = problems(["--seed", word])
    assert said.startswith("--seed is ") and len(said) < 200


def test_letters_that_no_file_can_have_are_refused_but_bytes_that_are_no_text_are_taken():
    for letter in ("\0", "\ud800"):
        for name in ("name", "dataroot", "checkpoints_dir"):
            assert problems([f"--{name}", f"a{letter}b"])
    assert train_options(["--dataroot", "a\udcffb"]).data.dataroot == "a\udcffb"
