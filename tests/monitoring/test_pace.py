"""How fast a run is said to be, and how long it is said to take."""

import pytest

from cut.monitoring.pace import Pace, duration
from cut.training.evaluation import Evaluation
from cut.training.listener import EvaluationEvent, RunFacts
from tests.monitoring.clock import Clock
from tests.monitoring.miniature import IMAGES_PER_EPOCH, LAST_EPOCH, progress_at, step_event

SECONDS_PER_IMAGE = 0.5


def evaluation_event(images: int, seconds: float) -> EvaluationEvent:
    measured = Evaluation(images // IMAGES_PER_EPOCH, images, images, {"frechet": 80.0}, seconds=seconds)
    return EvaluationEvent(progress_at(images), measured, measured, "frechet")


@pytest.fixture
def run(make_options):
    """`run(steps, every=5)`: the pace after steady steps; an evaluation takes a minute."""

    def make(steps, every=0, facts=None) -> Pace:
        clock = Clock()
        pace = Pace(clock)
        options = make_options("--evaluation_epoch_freq", str(every))
        pace.start(options, progress_at(0), facts or RunFacts(best_metric="frechet"))
        for images in steps:
            clock.now += SECONDS_PER_IMAGE
            pace.after_step(step_event(images))
            if images % IMAGES_PER_EPOCH == 0 and pace.evaluation_due(images // IMAGES_PER_EPOCH, LAST_EPOCH):
                clock.now += 60.0
                pace.after_evaluation(evaluation_event(images, 60.0))
        return pace

    return make


def test_nothing_is_claimed_before_the_second_step(run):
    pace = run([1])
    assert pace.images_per_second is None and pace.seconds_left(progress_at(1)) is None


def test_steady_steps_give_their_pace_and_the_rest_of_the_run(run):
    pace = run(range(1, 21))
    assert pace.images_per_second == pytest.approx(2)
    assert pace.seconds_left(progress_at(20)) == pytest.approx((10 * LAST_EPOCH - 20) / 2)


def test_an_evaluation_is_no_slow_step_but_a_pause_that_comes_again(run):
    pace = run(range(1, 82), every=7)  # eight epochs and a step; the first evaluation came after epoch 7
    assert pace.images_per_second == pytest.approx(2)
    evaluations = LAST_EPOCH // 7 - 1 + 1  # without the one that was; with one after the last epoch
    left = (10 * LAST_EPOCH - 81) / 2 + 60 * evaluations
    assert pace.seconds_left(progress_at(81)) == pytest.approx(left)


def test_the_evaluation_after_the_last_epoch_is_counted_once(run):
    pace = run([10 * LAST_EPOCH - 1], every=5, facts=RunFacts(best_metric="frechet", evaluations=(_measured(30.0),)))
    pace.clock.now += SECONDS_PER_IMAGE
    pace.after_step(step_event(10 * LAST_EPOCH))
    assert pace.seconds_left(progress_at(10 * LAST_EPOCH)) == pytest.approx(30)


def test_nothing_is_measured_without_an_evaluator(run):
    pace = run([1, 2], every=5, facts=RunFacts(best_metric=None))
    assert not pace.evaluation_due(5, LAST_EPOCH)


def test_a_save_between_two_steps_hardly_moves_the_estimate(run):
    pace = run(range(1, 101))
    before = pace.seconds_left(progress_at(100))
    pace.clock.now += 3.0
    pace.after_step(step_event(101))
    assert pace.seconds_left(progress_at(101)) == pytest.approx(before, rel=0.06)


@pytest.mark.parametrize(("slow", "steps"), [(1, 4), (4, 16), (16, 64), (20, 200)])
def test_a_slow_start_as_after_a_continuation_is_soon_left_out(make_options, slow, steps):
    clock = Clock()
    pace = Pace(clock)
    pace.start(make_options(), progress_at(1000), RunFacts())
    pace.after_step(step_event(1001))
    for step in range(1, steps + 1):
        clock.now += SECONDS_PER_IMAGE * (20 if step <= slow else 1)
        pace.after_step(step_event(1001 + step))
    assert pace.images_per_second == pytest.approx(2)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (61, "1 min"), (3569, "59 min"), (3571, "1 h 0 min"),
        (4800, "1 h 20 min"), (35_900, "9 h 58 min"), (35_990, "10 h"), (83_000, "23 h"), (172_800, "2 d 0 h"),
        (273_600, "3 d 4 h"), (1e9, "11574 d"),
    ],
)  # fmt: skip
def test_durations_are_said_as_people_do(seconds, text):
    assert duration(seconds) == text and len(text) <= 10


def _measured(seconds: float) -> Evaluation:
    return Evaluation(5, 50, 50, {"frechet": 80.0}, seconds=seconds)
