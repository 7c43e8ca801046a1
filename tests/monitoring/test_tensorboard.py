"""What TensorBoard reads back of a run, and a run without TensorBoard."""

import io
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cut.errors import UserError
from cut.monitoring import make_listeners
from cut.monitoring.tensorboard import TensorBoardLog
from cut.training.evaluation import Evaluation
from cut.training.listener import EvaluationEvent, RunFacts
from tests.monitoring.miniature import preview_event, progress_at, step_event, train

OFTEN = ("--print_freq", "2", "--display_freq", "4", "--evaluation_freq", "3")
NEEDED = "the package tensorboard is optional, and not installed here: pip install tensorboard"


@pytest.fixture
def listener():
    pytest.importorskip("tensorboard", reason=NEEDED)
    return TensorBoardLog


@pytest.fixture
def read(tmp_path):
    """`read()`: the events of the run, as TensorBoard sees them."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=NEEDED)

    def accumulate():
        events = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard"), {reader.IMAGES: 0, reader.SCALARS: 0})
        return events.Reload()

    return accumulate


def scalars(events, tag: str) -> list[tuple[int, float]]:
    return [(event.step, pytest.approx(event.value)) for event in events.Scalars(tag)]


def picture(event) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


def evaluation_event(images: int, **measures: float) -> EvaluationEvent:
    measured = Evaluation(images // 10, images, images, measures, {"kernel": 0.001}, {"extractor": "Inception"})
    return EvaluationEvent(progress_at(images), measured, measured, "frechet")


def test_scalars_are_written_when_due_over_the_images_seen(listener, make_options, read):
    train(listener(), make_options(*OFTEN), range(1, 6))
    events = read()
    assert scalars(events, "losses/G_GAN") == [(2, 0.25), (4, 0.25)]
    assert scalars(events, "losses/NCE") == [(2, 0.25), (4, 0.5)]
    assert scalars(events, "training/learning rate") == [(2, 2e-4), (4, 2e-4)]
    assert scalars(events, "training/images per second") == [(2, 1.6), (4, 1.6)]  # 0.5 s and 0.125 s an image


def test_an_evaluation_is_written_with_its_spread(listener, make_options, read):
    log = listener()
    log.start(make_options(), progress_at(0), RunFacts(best_metric="frechet"))
    log.after_evaluation(evaluation_event(50, frechet=82.5, kernel=0.0125))
    events = read()
    assert scalars(events, "measures/FID") == [(50, 82.5)]
    assert scalars(events, "measures/KID") == [(50, 0.0125)]
    assert scalars(events, "measures/KID: standard deviation") == [(50, 0.001)]


def test_a_measure_that_is_not_finite(listener, make_options, read):
    log = listener()
    log.start(make_options(), progress_at(0), RunFacts(best_metric="frechet"))
    log.after_evaluation(evaluation_event(50, frechet=math.nan))
    assert math.isnan(read().Scalars("measures/FID")[0].value)


def test_pictures_are_written_as_they_are(listener, make_options, read):
    train(listener(), make_options(*OFTEN), range(1, 6))
    (real,), (fake,) = (read().Images(f"images/{label}") for label in ("real_A", "fake_B"))
    assert (real.step, real.width, real.height) == (4, 8, 6)
    assert np.array_equal(picture(real), np.full((6, 8, 3), 191)) and np.array_equal(picture(fake), np.zeros((6, 8, 3)))


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_odd_channels_and_values_survive(listener, make_options, read, channels):
    log, images = listener(), torch.zeros(2, channels, 4, 6)
    images[:, :, 0] = math.nan
    images[:, :, 1] = math.inf
    log.start(make_options("--display_freq", "1"), progress_at(0), RunFacts())
    log.after_step(replace(step_event(1), images=lambda: {"odd": images}))
    assert picture(read().Images("images/odd")[0]).shape == (4, 6, 3)


def test_translations_of_held_out_images_are_a_row(listener, make_options, read):
    log = listener()
    log.start(make_options(*OFTEN), progress_at(0), RunFacts())
    for images in (0, 3):
        log.after_preview(preview_event(images, ("a.png", "b.png"), size=(3, 5)))
    previews = read().Images("previews")
    assert [preview.step for preview in previews] == [0, 3]
    assert np.array_equal(picture(previews[1]), np.full((3, 10, 3), 255))


def test_options_and_command_are_texts(listener, make_options, read):
    log = listener()
    facts = RunFacts(command=("train.py", "--name", "my run"), device="CPU")
    log.start(make_options("--lr", "0.003"), progress_at(0), facts)
    events = read()
    (run,), (options,) = (events.Tensors(f"{tag}/text_summary") for tag in ("run", "options"))
    run, options = (event.tensor_proto.string_val[0].decode() for event in (run, options))
    assert "python train.py --name 'my run'" in run and "Device: CPU" in run
    assert options.startswith("```yaml\n# ") and "\nlr: 0.003\n" in options


def test_a_continued_run_shows_every_step_once(listener, make_options, read):
    train(listener(), make_options(*OFTEN), range(1, 9))  # killed; the last save was after four images
    train(listener(), make_options(*OFTEN), range(5, 11), resumed_at=4)
    assert [event.step for event in read().Scalars("losses/NCE")] == [2, 4, 6, 8, 10]
    assert [event.step for event in read().Images("images/real_A")] == [4, 8]


def test_a_run_that_begins_anew_removes_one_that_never_saved(listener, make_options, read):
    train(listener(), make_options(*OFTEN), range(1, 9))
    train(listener(), make_options(*OFTEN), range(1, 3))
    assert [event.step for event in read().Scalars("losses/NCE")] == [2]
    assert [event.step for event in read().Tensors("options/text_summary")] == [0]


def test_a_finished_run_closes_its_file(listener, make_options):
    log = listener()
    train(log, make_options(), range(1, 3))
    stream = log.file.stream
    log.finish(progress_at(2))
    assert stream.closed


def test_a_folder_that_cannot_be_made_is_one_sentence(listener, make_options, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").write_text("in the way")
    with pytest.raises(UserError, match=r"tensorboard cannot be written: File exists\.$"):
        listener().start(make_options(), progress_at(0), RunFacts())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux's")
def test_a_full_disk_is_one_sentence_and_nothing_is_tried_again(listener, make_options):
    log = listener()
    log.start(make_options("--print_freq", "1"), progress_at(0), RunFacts())
    log.file.stream.close()
    log.file.stream = log.file.records._writer = Path("/dev/full").open("wb")  # noqa: SIM115 (what is tested)
    with pytest.raises(UserError, match=r"tensorboard cannot be written: No space left on device\.$"):
        log.after_step(step_event(1))
    assert log.file.stream.closed  # so that the end of the process has nothing left to write


def test_without_the_package_a_run_that_asks_for_it_does_not_begin(make_options, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for module in [name for name in sys.modules if name.startswith(("tensorboard.", "cut.monitoring.event_file"))]:
        monkeypatch.delitem(sys.modules, module)
    make_listeners(make_options())
    with pytest.raises(UserError, match="^--tensorboard needs the package tensorboard, .*: pip install tensorboard$"):
        make_listeners(make_options("--tensorboard"))
