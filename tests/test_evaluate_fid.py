"""scripts/evaluate_fid.py: of two folders and of a run, in process, with an extractor that needs no weights."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cut.cli import evaluate
from cut.evaluation.comparison.scores import feature_scores
from cut.evaluation.features.extraction import folder_features, image_set, load_extractor
from cut.evaluation.protocols.evaluation_files import write_curve, write_json
from cut.monitoring.log_files import read_metrics
from cut.training.evaluation import Evaluation
from tests.evaluation.measured_run import trained
from tests.evaluation.tiny_run import write_image

FD, KD = "FD (Colours)", "KD (Colours)"
COLOURS = ["--feature_extractor", "colours"]


@pytest.fixture
def evaluate_fid(extractor, capsys):
    """Runs the script: (exit status, standard output, standard error)."""

    def run(*words) -> tuple[int, str, str]:
        capsys.readouterr()
        status = evaluate.main([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def folders(tmp_path):
    """Five real pictures and four translations of other names, of mixed sizes."""
    for number in range(5):
        write_image(tmp_path / "real" / f"{number}.png", (24 + number, 20), seed=number)
    for number in range(4):
        write_image(tmp_path / "run/fake" / f"t{number}.png", (24, 20), seed=10 + number)
    return tmp_path / "real", tmp_path / "run/fake"


# ------------------------------------------------------------------ two folders


def test_two_folders(evaluate_fid, folders):
    status, said, _ = evaluate_fid(*folders, *COLOURS, "--seed", "3")
    assert status == 0
    colours = load_extractor("colours")
    real, fake = (folder_features(colours, folder) for folder in folders)
    measures, spread = feature_scores(real, fake, 3)
    content = json.loads((folders[1].parent / "evaluation.json").read_text())
    (row,) = content["rows"]
    assert row["measures"] == pytest.approx(measures) and row["spread"] == pytest.approx(spread)
    assert row["name"] == "fake" and row["epoch"] is None
    assert row["details"] == {
        "split": None, "real": str(folders[0]), "fake": str(folders[1]), "real_count": 5, "fake_count": 4,
        "extractor": "Colours", "real_sizes": "mixed, 24×20 to 28×20", "fake_sizes": "24×20",
        "variety": pytest.approx(fake.variance / real.variance, rel=1e-4), "seed": 3, "pairs": False, "palette": None,
    }  # fmt: skip
    header, line = said.splitlines()[-5:-3]
    assert header.split() == [*FD.split(), *KD.split()]
    assert line.startswith("fake  ") and f"{measures['frechet']:.4f}" in line
    assert "With fewer than 2,048 images on a side" in said.splitlines()[-2]
    assert said.splitlines()[-3] == (
        "4 images (24×20) against 5 real ones (mixed, 24×20 to 28×20); features of Colours, seed 3."
    )


def test_the_present_folder_has_a_name_and_nothing_is_written_among_its_pictures(evaluate_fid, folders, monkeypatch):
    monkeypatch.chdir(folders[1])
    assert evaluate_fid(folders[0], ".", *COLOURS)[0] == 0
    content = json.loads((folders[1].parent / "evaluation.json").read_text())
    assert content["rows"][0]["name"] == "fake" and not (folders[1] / "evaluation.json").exists()


def test_batches_change_nothing_and_the_number_of_pictures_can_be_limited(evaluate_fid, folders, tmp_path):
    rows = []
    for words in ([], ["--batch_size", "1"], ["--limit", "3"]):
        evaluate_fid(*folders, *COLOURS, *words, "--output", tmp_path / "out")
        rows += json.loads((tmp_path / "out/evaluation.json").read_text())["rows"]
    assert rows[0]["measures"] == rows[1]["measures"] != rows[2]["measures"]
    assert (rows[2]["details"]["real_count"], rows[2]["details"]["fake_count"]) == (3, 3)
    assert not (folders[1].parent / "evaluation.json").exists()


def test_statistics_take_the_place_of_a_folder(evaluate_fid, folders, tmp_path):
    folder_features(load_extractor("colours"), folders[0]).save(tmp_path / "real.npz")
    evaluate_fid(*folders, *COLOURS, "--output", tmp_path / "folders")
    assert evaluate_fid(tmp_path / "real.npz", folders[1], *COLOURS, "--output", tmp_path / "statistics")[0] == 0
    one, other = (
        json.loads((tmp_path / name / "evaluation.json").read_text())["rows"][0] for name in ("folders", "statistics")
    )
    assert one["measures"] == pytest.approx(other["measures"])


def test_equal_names_and_sizes_are_scored_as_pairs(evaluate_fid, folders, tmp_path):
    real, fake = tmp_path / "labels", tmp_path / "translated"
    for number in range(2):
        for folder, value in ((real, 100), (fake, 110)):
            folder.mkdir(exist_ok=True)
            Image.fromarray(np.full((16, 16, 3), value + number, np.uint8)).save(folder / f"{number}.png")
    palette = tmp_path / "two.yaml"
    palette.write_text('name: two\nclasses:\n  dark: "#000000"\n  bright: "#ffffff"\n')
    evaluate_fid(real, fake, *COLOURS, "--palette", palette, "--output", tmp_path)
    (row,) = json.loads((tmp_path / "evaluation.json").read_text())["rows"]
    assert row["measures"]["psnr"] == pytest.approx(10 * np.log10(255**2 / 10**2))
    assert row["measures"]["pixel_accuracy"] == 1 and row["details"]["palette"] == "two"

    status, _, problem = evaluate_fid(*folders, *COLOURS, "--palette", palette)
    assert status == 2 and "do not hold pictures of equal names and sizes" in problem


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda fake: shutil.rmtree(fake), "There is no folder"),
        (lambda fake: [file.unlink() for file in fake.iterdir()], "holds no images"),
        (lambda fake: [file.unlink() for file in sorted(fake.iterdir())[1:]], "holds only one image, t0.png"),
        (lambda fake: (fake / "t1.png").write_bytes(b"no picture"), "t1.png is not an image that can be read"),
        (lambda fake: shutil.copytree(fake.parents[1] / "real", shutil.rmtree(fake) or fake), "the same 5 images"),
    ],
    ids=["missing", "empty", "one", "damaged", "identical"],
)
def test_bad_folders_are_one_sentence(evaluate_fid, folders, make, said):
    make(folders[1])
    status, _, problem = evaluate_fid(*folders, *COLOURS)
    assert status == 2 and said in problem and len(problem.splitlines()) == 1


def test_a_corrupt_weights_file_is_named_with_its_hash(evaluate_fid, folders, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    status, _, problem = evaluate_fid(*folders, "--inception_weights", tmp_path / "weights.pth")
    assert status == 2 and "weights.pth" in problem and "SHA-256" in problem


@pytest.mark.parametrize("words", [["--batch_size", "0"], ["--limit", "1"], ["--feature_extractor", "vgg"]])
def test_wrong_words_are_refused(evaluate_fid, folders, words):
    with pytest.raises(SystemExit):
        evaluate_fid(*folders, *words)


# ------------------------------------------------------------------ a run


@pytest.fixture
def run(data):
    """A run of two measured epochs, all of them saved."""
    trained(data, "run", "--save_epoch_freq", "1", "--no_dropout", "false", "--normG", "batch", "--batch_size", "2")
    return data / "checkpoints/run"


def place(run):
    return ["--name", run.name, "--checkpoints_dir", run.parent]


def rows_of(run):
    return {row["name"]: row for row in json.loads((run / "evaluation.json").read_text())["rows"]}


def test_saved_epochs_have_the_numbers_that_training_logged(evaluate_fid, run):
    status, said, _ = evaluate_fid(*place(run), "--all_epochs")
    assert status == 0
    entries = read_metrics(run / "metrics.jsonl", "evaluation")
    logged = {entry["evaluation"]["epoch"]: entry["evaluation"] for entry in entries}
    rows, best = rows_of(run), json.loads((run / "best.json").read_text())
    assert list(rows) == ["epoch 1", "epoch 2", f"best (epoch {best['epoch']})", "latest (epoch 2)"]
    for name, epoch in zip(rows, (1, 2, best["epoch"], 2), strict=True):
        assert rows[name]["measures"] == logged[epoch]["measures"] and rows[name]["spread"] == logged[epoch]["spread"]
        assert rows[name]["epoch"] == epoch
        assert rows[name]["details"] | {"cost_share": 0} == logged[epoch]["details"] | {"cost_share": 0}
    assert json.loads((run / "evaluation.json").read_text())["best"] == f"epoch {best['epoch']}"
    assert f"Best by {FD}: epoch {best['epoch']}." in said
    with Image.open(run / "evaluation.png") as curve:
        assert curve.format == "PNG" and curve.width > 500


def test_last_and_best_unless_epochs_are_named(evaluate_fid, run):
    evaluate_fid(*place(run))
    assert [name.split()[0] for name in rows_of(run)] == ["latest", "best"]
    evaluate_fid(*place(run), "--epoch", "2", "1")
    assert list(rows_of(run)) == ["epoch 2", "epoch 1"]
    (run / "best_net_G.pth").unlink()
    evaluate_fid(*place(run))
    assert [name.split()[0] for name in rows_of(run)] == ["latest"]


def test_baselines_are_measured_the_same_way(evaluate_fid, run, data):
    status, _, _ = evaluate_fid(*place(run), "--baselines", "--epoch", "1")
    rows = rows_of(run)
    assert status == 0 and list(rows) == ["real to real", "source to real", "epoch 1"]
    real, source = rows["real to real"], rows["source to real"]
    assert (real["details"]["real_count"], real["details"]["fake_count"]) == (4, 2)  # of training there are no more
    assert (source["details"]["real_count"], source["details"]["fake_count"]) == (4, 4)
    assert "psnr" in source["measures"] and "psnr" not in real["measures"]
    assert real["epoch"] is None and source["epoch"] is None

    def features(side):
        images = map(Image.open, sorted((data / side).iterdir()))
        squares = [image.resize((16, 16), Image.Resampling.BICUBIC) for image in images]
        return image_set(load_extractor("colours"), squares)

    for row, side in ((real, "trainB"), (source, "valA")):
        expected, _ = feature_scores(features("valB"), features(side), 0)
        assert {name: row["measures"][name] for name in expected} == pytest.approx(expected)


def test_real_to_real_has_the_counts_of_the_translations(evaluate_fid, run, data):
    """Of more training images it takes as many, from all over the folder."""
    for file in (data / "trainB").iterdir():
        file.unlink()
    for number in range(8):
        write_image(data / f"trainB/{number}.png", (16, 16), seed=100 + number)
    evaluate_fid(*place(run), "--baselines", "--epoch", "1")
    row = rows_of(run)["real to real"]
    assert (row["details"]["real_count"], row["details"]["fake_count"]) == (4, 4)
    for number in (1, 3, 5, 7):
        (data / f"trainB/{number}.png").unlink()
    evaluate_fid(*place(run), "--baselines", "--epoch", "1")
    assert rows_of(run)["real to real"]["measures"] == row["measures"]


def test_options_of_the_run_can_be_overridden(evaluate_fid, run, data):
    evaluate_fid(*place(run), "--evaluation_images", "3", "--best_metric", "psnr", "--epoch", "1")
    content = json.loads((run / "evaluation.json").read_text())
    assert content["best_by"] == "psnr" and content["rows"][0]["details"]["fake_count"] == 3
    shutil.copytree(data, data.parent / "moved", ignore=shutil.ignore_patterns("checkpoints", "train*"))
    # Without training images.
    assert evaluate_fid(*place(run), "--dataroot", data.parent / "moved", "--epoch", "1")[0] == 0
    for side in "AB":
        (data / f"val{side}").rename(data / f"test{side}")
    assert evaluate_fid(*place(run), "--epoch", "1")[0] == 0
    assert rows_of(run)["epoch 1"]["details"]["split"] == "test"
    assert (run / "options.yaml").read_text().count("best_metric: frechet") == 1  # the run itself is not changed


def test_weights_from_elsewhere_have_no_options_beside_them(evaluate_fid, run, data):
    other = run.parent / "other"
    other.mkdir()
    shutil.copy(run / "2_net_G.pth", other / "latest_net_G.pth")
    words = ["--dataroot", data, "--netG", "resnet_4blocks", "--ngf", "2", "--normG", "batch", "--no_dropout", "false"]
    sizes = ["--load_size", "16", "--crop_size", "16", "--gpu_ids", "-1"]
    status, _, _ = evaluate_fid(*place(other), *words, *sizes, *COLOURS)
    assert status == 0 and list(rows_of(other)) == ["latest"] and not (other / "evaluation.png").exists()
    evaluate_fid(*place(run), "--epoch", "2")
    assert rows_of(other)["latest"]["measures"] == rows_of(run)["epoch 2"]["measures"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epoch", "1", "7"], "--epoch 7 was not saved in"),
        (["--best_metric", "fid"], "--best_metric"),
        (["--crop_size", "12"], "--crop_size is 12, but the run was trained with 16"),
        (["--bach_size", "2"], "There is no option --bach_size"),
        (["--phase", "test"], "has no testA and testB with at least 2 images each"),
        (["--dataroot", "nowhere"], "There is no folder nowhere"),
    ],
)
def test_what_is_wrong_with_a_run_is_one_sentence(evaluate_fid, run, words, said):
    status, _, problem = evaluate_fid(*place(run), *words)
    assert status == 2 and said in problem and len(problem.splitlines()) == 1
    assert not (run / "evaluation.json").exists()


def test_all_splits_that_were_looked_for_are_named(evaluate_fid, run, data):
    shutil.rmtree(data / "valA")
    shutil.rmtree(data / "valB")
    status, _, problem = evaluate_fid(*place(run))
    assert status == 2 and "has no valA and valB or testA and testB with at least 2 images each" in problem


def test_a_run_that_is_not_there_is_said(evaluate_fid, tmp_path):
    status, _, problem = evaluate_fid("--name", "none", "--checkpoints_dir", tmp_path)
    assert status == 2 and "none holds no weights of a generator" in problem


def test_damaged_weights_are_named(evaluate_fid, run):
    (run / "1_net_G.pth").write_bytes(b"no weights")
    status, _, problem = evaluate_fid(*place(run), "--epoch", "1")
    assert status == 2 and "1_net_G.pth" in problem


# ------------------------------------------------------------------ what is written


def test_json_is_strict(tmp_path):
    measures = {"psnr": float("inf"), "frechet": float("nan")}
    rows = [("epoch 1", Evaluation(1, 0, 0, measures, details={"sizes": ("8×8",)}))]
    text = write_json(tmp_path / "new/folder", rows, run="r").read_text()
    (row,) = json.loads(text)["rows"]
    assert row["measures"] == {"psnr": None, "frechet": None} and row["details"] == {"sizes": ["8×8"]} and "8×8" in text


def test_a_curve_survives_gaps_and_is_not_drawn_of_nothing(tmp_path):
    rows = [
        ("latest", Evaluation(0, 0, 0, {"frechet": 1.0})),
        ("epoch 5", Evaluation(5, 0, 0, {"frechet": 40.0, "kernel": float("nan")}, {"kernel": float("nan")})),
        ("epoch 10", Evaluation(10, 0, 0, {"frechet": float("nan"), "ssim": 0.5})),
    ]
    assert write_curve(tmp_path, "r", rows[:1], "frechet") is None
    with Image.open(write_curve(tmp_path, "<r> $x$ _", rows, "frechet", levels=rows[1:2])) as curve:
        assert np.asarray(curve.convert("L")).std() > 5  # not a blank sheet


def test_measuring_leaves_the_run_as_it_was(evaluate_fid, run):
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    evaluate_fid(*place(run), "--all_epochs", "--baselines")
    after = {file.name: file.read_bytes() for file in run.iterdir()}
    assert after.keys() - before.keys() == {"evaluation.json", "evaluation.png"}
    assert all(after[name] == content for name, content in before.items())
