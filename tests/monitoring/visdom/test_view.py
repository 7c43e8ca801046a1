"""What the visdom windows of a run show. Real servers are met in visdom/test_live.py."""

import math
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from cut.monitoring.log_files import MetricsLog
from cut.monitoring.series import Point
from cut.monitoring.visdom import view as visdom_view
from cut.monitoring.visdom.view import VisdomView
from cut.monitoring.visdom.windows import of_like_scale
from cut.training.evaluation import Evaluation
from cut.training.listener import EvaluationEvent, RunFacts
from tests.monitoring.miniature import Recorded, progress_at, step_event
from tests.monitoring.visdom.fake_visdom import FakeServer

NOTHING = RunFacts()
OFTEN = ("--print_freq", "1", "--display_freq", "2")


def evaluation(epoch: int, **measures: float) -> Evaluation:
    return Evaluation(epoch, 10 * epoch, 10 * epoch, measures, details={"extractor": "Inception"})


def draw(options, steps=range(1, 3), resumed_at=0, facts=NOTHING, evaluations=(), **changes):
    """What the server shows, and what was said, after a run of these steps."""
    server, said = FakeServer(), []
    view = Recorded(lambda record: VisdomView(record, said.append, connect=server))
    view.start(options, progress_at(resumed_at), facts)
    for images in steps:
        view.after_step(replace(step_event(images), **changes))
    for one in evaluations:
        view.after_evaluation(EvaluationEvent(progress_at(one.images), one, one, "frechet"))
    view.finish(progress_at(max(steps)))
    return server, said


def test_all_that_a_run_shows(make_options):
    facts = RunFacts(command=("train.py", "--name", "run"), device="CPU", parameters={"G": 11_378_179})
    measured = [evaluation(1, frechet=90.0, kernel=0.5), evaluation(2, frechet=80.0, kernel=0.75)]
    server, said = draw(make_options(*OFTEN), facts=facts, evaluations=measured)
    assert set(server.windows) == {
        f"run_{purpose}"
        for purpose in ("losses", "images", "learning_rate", "images_per_second", "options", "FID", "KID")
    }
    losses = server.content("run_losses")
    assert losses["x"] == [0.1, 0.2] and losses["curves"] == {"G_GAN": [0.25, 0.25], "NCE": [0.125, 0.25]}
    assert server.content("run_learning_rate")["curves"] == {"learning rate": [2e-4, 2e-4]}
    assert server.content("run_images_per_second")["curves"] == {"images per second": [1.6, 1.6]}  # 1 / (0.5 + 0.125)
    assert server.content("run_FID")["curves"] == {"FID": [90.0, 80.0]} and server.content("run_FID")["x"] == [1, 2]
    assert server.content("run_FID")["title"] == "FID (best 80.00, epoch 2)"
    assert server.content("run_KID")["title"] == "KID (best 0.5000, epoch 1)"
    # Two pictures of 256×192, their names above, and the grid's gaps.
    assert server.content("run_images")["picture"].shape == (192 + 20 + 2, 2 * (256 + 2), 3)
    assert all(word in server.content("run_options")["content"] for word in ("train.py", "11,378,179", "display_freq"))
    assert said == ["Live plots: http://fake:1/env/run"]


def test_the_first_step_is_shown_at_once(make_options):
    server, _ = draw(make_options("--print_freq", "100", "--display_freq", "100"), steps=[1])
    assert list(server.windows)[:2] == ["run_images", "run_losses"] and "run_options" in server.windows


def test_a_frequency_of_zero_shows_nothing(make_options):
    server, _ = draw(make_options("--print_freq", "0", "--display_freq", "0"))
    assert set(server.windows) == {"run_options"}


def test_a_continued_run_draws_from_its_beginning(make_options):
    """Also on a server that was started anew, and without what the run had logged after its last save."""
    options, log = make_options(*OFTEN), MetricsLog()
    log.start(options, progress_at(0), RunFacts())
    for images in (5, 10, 25):
        log.after_step(step_event(images, losses={"G_GAN": math.nan} if images == 5 else None))
    facts = RunFacts(evaluations=(evaluation(1, frechet=90.0),))
    server, _ = draw(options, [21, 22], 20, facts, [evaluation(3, frechet=70.0)])
    losses = server.content("run_losses")
    assert losses["x"] == pytest.approx([0.5, 1.0, 2.1, 2.2])
    assert losses["curves"]["NCE"][1:] == [1.25, 2.625, 2.75] and math.isnan(losses["curves"]["G_GAN"][0])
    assert server.content("run_FID")["curves"] == {"FID": [90.0, 70.0]}


@pytest.mark.parametrize(
    ("resumed_at", "words", "cleared"), [(0, (), 1), (20, (), 0), (0, ("--display_env", "all"), 0)]
)
def test_only_a_new_run_closes_old_windows_and_only_its_own(make_options, resumed_at, words, cleared):
    server, _ = draw(make_options(*OFTEN, *words), [21, 22], resumed_at)
    assert server.cleared == cleared


def test_each_run_has_an_environment_unless_one_is_asked_for(make_options):
    def drawn(*words):
        server, _ = draw(make_options(*OFTEN, *words))
        return server.environment, server.content(next(name for name in server.windows if "losses" in name))["title"]

    assert drawn("--name", "horses") == ("horses", "losses")
    assert drawn("--name", "horses", "--display_env", "all") == ("all", "horses: losses")
    names = {drawn("--name", name)[0] for name in ("a b", "a_b", "a?b", "<script>")}
    assert len(names) == 4 and all(name.replace("-", "").isidentifier() for name in names)


def test_windows_count_from_display_id(make_options):
    words = (*OFTEN, "--display_id", "7")
    server, _ = draw(make_options(*words), evaluations=[evaluation(1, frechet=90.0)])
    resumed, _ = draw(make_options(*words), [21, 22], 20, RunFacts(evaluations=(evaluation(1, frechet=90.0),)))
    assert server.content("7")["title"] == "losses" and server.content("8")["title"] == "images"
    titles = [{window: content["title"] for window, (_, content) in one.windows.items()} for one in (server, resumed)]
    assert titles[0] == titles[1]


def test_no_columns_means_a_window_for_each_picture(make_options):
    server, _ = draw(make_options(*OFTEN, "--display_ncols", "0", "--display_winsize", "100"))
    shapes = {window: content["picture"].shape for window, (kind, content) in server.windows.items() if kind == "image"}
    assert shapes == {"run_real_A": (75, 100, 3), "run_fake_B": (75, 100, 3)}


@pytest.mark.parametrize("columns", ["0", "1", "3"])
def test_pictures_of_any_size_and_channel_count_are_shown(make_options, columns):
    sizes = {"real_A": (1, 1, 1), "fake_B": (2, 3, 999), "real_B": (4, 999, 2), "idt_B": (7, 31, 17)}
    pictures = {label: torch.zeros(1, *size) for label, size in sizes.items()}
    server, said = draw(make_options(*OFTEN, "--display_ncols", columns), images=lambda: pictures)
    shown = [content["picture"] for kind, content in server.windows.values() if kind == "image"]
    assert len(shown) == (4 if columns == "0" else 1) and len(said) == 1
    assert all(picture.dtype == np.uint8 and min(picture.shape) > 0 for picture in shown)


def test_pixels_that_are_not_finite_are_magenta_and_said_once(make_options):
    broken = torch.zeros(1, 3, 16, 16)
    broken[0, 1, :8] = math.nan
    pictures = {"real_A": torch.zeros(1, 3, 16, 16), "fake_B": broken}
    words = (*OFTEN, "--display_ncols", "0", "--display_winsize", "16")
    server, said = draw(make_options(*words), range(1, 9), images=lambda: pictures)
    picture = server.content("run_fake_B")["picture"]
    assert (picture[:8] == (255, 0, 255)).all() and (picture[8:] == 128).all()
    assert said[1:] == ["Pixels of fake_B are not finite; they are shown in magenta."]


def test_nothing_of_a_name_becomes_markup(make_options):
    nasty = "<script>alert(1)<img src=x onerror=alert(2)>"
    words = (*OFTEN, "--name", nasty, "--easy_label", nasty, "--display_env", nasty)
    server, _ = draw(make_options(*words), facts=RunFacts(command=("train.py", nasty)))
    texts = [content["content"] for kind, content in server.windows.values() if kind == "text"]
    assert texts and all("<script" not in text and "<img" not in text and "&lt;img" in text for text in texts)
    assert not set("<>/ ()") & set("".join(server.windows) + server.environment)


def test_training_never_waits_for_a_server_that_hangs(make_options, monkeypatch):
    """By construction: the server answers nothing until this test is through with every event."""
    monkeypatch.setattr(visdom_view, "LAST_WORDS_SECONDS", 0.0)
    hung, release = threading.Event(), threading.Event()

    def hang(request: str) -> None:
        if request != "environments":
            hung.set()
            assert release.wait(60)

    server, said = FakeServer(before=hang), []
    view = Recorded(lambda record: VisdomView(record, said.append, connect=server))
    view.start(make_options(*OFTEN), progress_at(0), RunFacts())
    view.after_step(step_event(1))
    assert hung.wait(60)
    for images in range(2, 500):
        view.after_step(step_event(images))
    sender = view.sender
    assert server.drawn == [] and len(sender.waiting) <= len(sender.contents) == 5
    view.finish(progress_at(500))
    release.set()
    sender.thread.join(60)
    assert server.content("run_losses")["x"][-1] == 49.9  # the newest, and nothing that it replaced
    assert server.drawn.count("run_losses") <= 2


def test_a_start_does_not_wait_for_an_address_that_is_not_found(make_options, monkeypatch):
    monkeypatch.setattr(visdom_view, "FIRST_ANSWER_SECONDS", 0.0)
    release = threading.Event()
    server, said = FakeServer(before=lambda request: release.wait(60)), []
    view = Recorded(lambda record: VisdomView(record, said.append, connect=server))
    view.start(make_options(*OFTEN), progress_at(0), RunFacts())
    view.after_step(step_event(1))
    view.after_step(step_event(2))
    assert server.drawn == [] and said == []
    release.set()
    assert view.sender.decided.wait(60)
    view.finish(progress_at(2))
    assert "run_losses" in server.windows and said == ["Live plots: http://fake:1/env/run"]


def test_losses_of_like_scale_share_a_window():
    points = [Point(epoch, {"G_GAN": 0.5, "NCE": 7.0, "D_real": 0.4, "G": 9.0, "GP": 0.0}) for epoch in (1.0, 2.0)]
    assert of_like_scale(points) == [["G_GAN", "D_real", "GP"], ["NCE", "G"]]
    assert of_like_scale(points[:1]) == of_like_scale(points)
    assert of_like_scale([Point(1.0, {"G": 0.0, "D": 0.0})]) == [["G", "D"]]
