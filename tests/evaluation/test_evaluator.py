"""Measuring while training: what is compared with what, that training does not notice, and when it cannot be done."""

import json
import random

import numpy as np
import pytest
import torch
from PIL import Image

import test as test_script
from cut.data.loader import make_dataset
from cut.errors import UserError
from cut.evaluation.comparison import yardstick
from cut.evaluation.comparison.scores import feature_scores
from cut.evaluation.comparison.yardstick import Stopped, make_yardstick
from cut.evaluation.evaluator import make_evaluator, undisturbed
from cut.evaluation.features.extraction import folder_features, load_extractor
from cut.models.build import build_generator
from cut.monitoring.log_files import read_metrics
from cut.options import test_options
from cut.precision import Arithmetic
from cut.training.listener import Progress
from tests.evaluation.measured_run import options_of, trained
from tests.evaluation.tiny_run import write_image

PROGRESS = Progress(epoch=3, epoch_images=2, images=6, step=6, last_epoch=9, images_per_epoch=2)
FD = "FD (Colours)"


def evaluator_of(data, *more):
    options = options_of(data, "run", *more)
    torch.manual_seed(0)
    return make_evaluator(options, build_generator(options), Arithmetic(), make_dataset(options))


def test_a_continued_run_is_not_told_about_few_images_again(data):
    options = options_of(data, "run").replace(continue_train=True)
    _, messages = make_evaluator(options, build_generator(options), Arithmetic(), make_dataset(options))
    assert messages and not any("2,048" in sentence for sentence in messages)


# ------------------------------------------------------------------ training does not notice


@pytest.mark.parametrize(
    "more",
    [
        ("--no_dropout", "false", "--normG", "batch", "--batch_size", "2", "--normD", "batch"),
        ("--netG", "stylegan2", "--netD", "stylegan2"),
    ],
    ids=["dropout and batch norm", "noise"],
)
def test_training_is_bit_equal_with_and_without(data, more):
    without = trained(data, "without", "--evaluation_epoch_freq", "0", *more)
    measured = trained(data, "measured", *more)
    assert (measured / "best.json").exists() and not (without / "best.json").exists()
    for file in ("latest_net_G.pth", "latest_net_D.pth", "latest_net_F.pth"):
        weights, same = (torch.load(folder / file, weights_only=True) for folder in (without, measured))
        assert weights.keys() == same.keys() and all(torch.equal(weights[name], same[name]) for name in weights)
    states = [torch.load(folder / "latest_training_state.pth", weights_only=True) for folder in (without, measured)]
    assert states[0]["state"]["epoch_losses"] == states[1]["state"]["epoch_losses"]


def test_random_numbers_and_the_network_are_left_as_they_were(data):
    evaluator, _ = evaluator_of(data, "--no_dropout", "false", "--normG", "batch", "--batch_size", "2")
    before = {name: value.clone() for name, value in evaluator.generator.state_dict().items()}
    for mode in (True, False):
        evaluator.generator.train(mode)
        states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
        evaluator.evaluate(PROGRESS)
        assert torch.equal(states[0], torch.get_rng_state()) and random.getstate() == states[2]
        assert np.array_equal(states[1], np.random.get_state()[1])
        assert all(layer.training == mode for layer in evaluator.generator.modules())
    after = evaluator.generator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(weight.grad is None for weight in evaluator.generator.parameters())


def test_whatever_draws_inside_leaves_no_trace():
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    torch.backends.cudnn.benchmark, before = True, torch.backends.cudnn.benchmark
    try:
        with pytest.raises(KeyError), undisturbed(torch.device("cpu")):
            assert not torch.backends.cudnn.benchmark
            torch.rand(1), np.random.rand(), random.random()
            raise KeyError
        assert torch.backends.cudnn.benchmark
    finally:
        torch.backends.cudnn.benchmark = before
    assert torch.equal(states[0], torch.get_rng_state()) and random.getstate() == states[2]
    assert np.array_equal(states[1], np.random.get_state()[1])


# ------------------------------------------------------------------ what is compared


def test_measures_are_those_of_the_files_that_test_py_writes(data, capsys):
    """The log, best.json, and a distance between folders say the same number."""
    folder = trained(data, "run", "--no_dropout", "false", "--normG", "batch", "--batch_size", "2")
    logged = list(read_metrics(folder / "metrics.jsonl", "evaluation"))
    best = json.loads((folder / "best.json").read_text())
    assert best == min((row["evaluation"] for row in logged), key=lambda row: row["measures"]["frechet"])
    capsys.readouterr()

    words = ["--name", "run", "--checkpoints_dir", str(data / "checkpoints"), "--dataroot", str(data)]
    words += [
        "--epoch",
        "best",
        "--phase",
        "val",
        "--load_size",
        "16",
        "--crop_size",
        "16",
        "--gpu_ids",
        "-1",
        "--normG",
        "batch",
    ]
    assert test_script.main(test_options([*words, "--results_dir", str(data / "results")])) == 0
    said = capsys.readouterr().out
    assert f"The best epoch is {best['epoch']}: {FD} " in said and "4 real ones (16×16) of val" in said

    images = data / "results/run/val_best/images"
    colours = load_extractor("colours")
    real, fake = (folder_features(colours, images / side) for side in ("real_B", "fake_B"))
    measures, spread = feature_scores(real, fake, seed=0)
    assert {name: best["measures"][name] for name in ("frechet", "kernel")} == pytest.approx(measures, rel=1e-6)
    assert best["spread"] == pytest.approx(spread, rel=1e-6)
    pairs = [[np.asarray(Image.open(images / side / f"{n}.png"), dtype=float) for side in ("real_B", "fake_B")]
             for n in range(4)]  # fmt: skip
    psnr = np.mean([10 * np.log10(255**2 / np.mean((real - fake) ** 2)) for real, fake in pairs])
    assert best["measures"]["psnr"] == pytest.approx(psnr) and "ssim" in best["measures"]


def test_every_result_carries_what_makes_it_comparable(data):
    write_image(data / "valB/4.png", (24, 20), seed=99)
    evaluator, _ = evaluator_of(data, "--seed", "5")
    measured = evaluator.evaluate(PROGRESS)
    assert (measured.epoch, measured.images, measured.step) == (3, 6, 6) and measured.seconds > 0
    details = dict(measured.details)
    assert 0 < details.pop("cost_share") <= 1 and details.pop("variety") > 0
    assert details == {
        "split": "val", "real_count": 5, "fake_count": 4, "extractor": "Colours", "real_sizes": "16×16",
        "fake_sizes": "16×16", "seed": 5, "pairs": False, "palette": None,
    }  # fmt: skip
    assert list(measured.measures) == ["frechet", "kernel"]


def test_a_palette_adds_the_scores_of_pairs(data):
    colours = data / "palette.yaml"
    colours.write_text('name: two\nclasses:\n  dark: "#000000"\n  bright: "#ffffff"\n')
    evaluator, _ = evaluator_of(data, "--palette", str(colours), "--best_metric", "mean_iou")
    measured = evaluator.evaluate(PROGRESS)
    assert evaluator.best_metric == "mean_iou" and 0 <= measured.measures["mean_iou"] <= 1
    assert measured.details["palette"] == "two"


def test_the_weights_of_the_moment_are_measured(data):
    evaluator, _ = evaluator_of(data)
    first, again = (evaluator.evaluate(PROGRESS).measures for _ in range(2))
    assert first == again
    with torch.no_grad():
        for weight in evaluator.generator.parameters():
            weight.add_(0.1)
    assert evaluator.evaluate(PROGRESS).measures["frechet"] != first["frechet"]


def test_real_features_are_computed_once_and_kept_for_the_next_run(data, monkeypatch):
    computed = []
    original = yardstick.image_set
    monkeypatch.setattr(yardstick, "image_set", lambda *arguments: computed.append(1) or original(*arguments))
    evaluator, _ = evaluator_of(data)
    first, _ = (evaluator.evaluate(PROGRESS) for _ in range(2))
    assert len(computed) == 3  # real, and the translations twice
    again, _ = evaluator_of(data)
    assert again.evaluate(PROGRESS).measures == first.measures and len(computed) == 4
    other, _ = evaluator_of(data, "--crop_size", "12")
    assert other.evaluate(PROGRESS).details["real_sizes"] == "12×12" and len(computed) == 6


@pytest.mark.parametrize("images", range(8))
def test_a_wish_to_stop_is_heard_between_images(data, images):
    """Four real images and four translations: wherever it comes, there is no half result, and nothing half is kept."""
    evaluator, _ = evaluator_of(data)
    asked = iter([False] * images + [True] * 100)
    assert evaluator.evaluate(PROGRESS, lambda: next(asked)) is None
    whole = evaluator.evaluate(PROGRESS)
    fresh, _ = evaluator_of(data)
    assert whole.measures == fresh.evaluate(PROGRESS).measures


def test_pictures_of_any_origin_can_be_compared(data):
    options = options_of(data, "run")
    measure_by = make_yardstick(options, "cpu", make_dataset(options))
    unchanged = measure_by.compare(measure_by.images.target.all_pixels())
    assert unchanged.measures["frechet"] == pytest.approx(0, abs=1e-6) and unchanged.measures["ssim"] == pytest.approx(
        1
    )
    without = measure_by.compare_files(measure_by.images.source)
    assert without.measures["frechet"] > 0 and "psnr" not in without.measures and not without.details["pairs"]
    with pytest.raises(Stopped):
        measure_by.compare(measure_by.images.source.all_pixels(), stopped=lambda: True)


# ------------------------------------------------------------------ when it cannot be done


def test_zero_means_never_and_looks_at_nothing(data, monkeypatch):
    monkeypatch.setattr(yardstick, "held_out", None)
    assert evaluator_of(data, "--evaluation_epoch_freq", "0", "--palette", "none") == (None, [])


def test_what_is_measured_is_said(data):
    evaluator, messages = evaluator_of(data, "--evaluation_epoch_freq", "5")
    assert evaluator.best_metric == "frechet" and evaluator.extractor == "Colours"
    assert messages[:-1] == [
        "4 translations are compared with 4 real images of val every 5 epochs (features of Colours), and one by one "
        f"with the image of the same name (--evaluation_pairs); the weights of the best {FD} are kept as best."
    ]
    assert messages[-1].startswith("With fewer than 2,048 images on a side, FD (Colours) comes out too large")


def test_equal_names_may_be_only_numbers(data):
    evaluator, messages = evaluator_of(data, "--evaluation_pairs", "false", "--palette", "none")
    assert not evaluator.yardstick.images.pairs and "one by one" not in messages[0]
    with pytest.raises(UserError, match="do not hold images of equal names"):
        evaluator_of(data, "--evaluation_pairs", "false", "--best_metric", "psnr")


def test_test_images_choose_only_where_there_is_no_val_and_that_is_said(data):
    for side in "AB":
        (data / f"val{side}").rename(data / f"test{side}")
    evaluator, messages = evaluator_of(data)
    assert evaluator is not None and "of test every epoch" in messages[0]
    assert messages[1].startswith("There is no val split, so the test images choose the best epoch")


@pytest.mark.parametrize("left", [0, 1])
def test_without_held_out_images_training_goes_on(data, left):
    for side in "AB":
        for number in range(left, 4):
            (data / f"val{side}/{number}.png").unlink()
    evaluator, (message,) = evaluator_of(data)
    assert evaluator is None and message.startswith("Training goes on without measures: ") and "valA" in message
    assert (trained(data, "run") / "latest_net_G.pth").exists()


def test_a_damaged_held_out_image_is_named_and_training_goes_on(data):
    (data / "valB/1.png").write_bytes(b"no picture")
    evaluator, (message,) = evaluator_of(data)
    assert evaluator is None and "valB/1.png is not an image" in message


def test_a_single_image_is_not_measured(data):
    for side in "AB":
        (data / f"train{side}/1.png").unlink()
    evaluator, (message,) = evaluator_of(data, "--dataset_mode", "singleimage", "--preprocess", "zoom_and_patch")
    assert evaluator is None and "A single image has no distribution to compare with" in message


def test_weights_that_cannot_be_had_are_no_reason_not_to_train(data, monkeypatch):
    def unavailable(*_):
        raise UserError("The weights cannot be downloaded: use --feature_extractor efficientnet_lite0.")

    monkeypatch.setattr(yardstick, "chosen_extractor", unavailable)
    evaluator, (message,) = evaluator_of(data)
    assert evaluator is None
    assert message == (
        "Training goes on without measures: The weights cannot be downloaded: use --feature_extractor "
        "efficientnet_lite0."
    )


def test_a_file_of_weights_that_was_given_must_be_right(data):
    (data / "weights.pth").write_bytes(b"no weights")
    with pytest.raises(UserError, match="weights.pth"):
        evaluator_of(data, "--feature_extractor", "inception", "--inception_weights", str(data / "weights.pth"))


def test_a_palette_that_was_given_must_be_right(data):
    with pytest.raises(UserError, match="nowhere.yaml"):
        evaluator_of(data, "--palette", "nowhere.yaml")


def test_a_measure_that_cannot_be_computed_cannot_decide(data):
    with pytest.raises(UserError, match="--best_metric mean_iou needs the colours of the classes: give --palette"):
        evaluator_of(data, "--best_metric", "mean_iou")
    (data / "valB/3.png").rename(data / "valB/9.png")
    with pytest.raises(UserError, match="--best_metric psnr compares pairs, but .*valA and .*valB do not hold images"):
        evaluator_of(data, "--best_metric", "psnr")
    with pytest.raises(UserError, match="fid"):
        options_of(data, "run", "--best_metric", "fid")


def test_best_is_an_epoch_like_any_other_where_it_was_not_saved(data):
    trained(data, "run", "--evaluation_epoch_freq", "0", "--save_epoch_freq", "1")
    words = ["--name", "run", "--checkpoints_dir", str(data / "checkpoints"), "--dataroot", str(data), "--phase", "val"]
    with pytest.raises(UserError, match="--epoch best was not saved in .*: there are 1, 2, latest"):
        test_script.main(test_options([*words, "--epoch", "best", "--gpu_ids", "-1"]))
