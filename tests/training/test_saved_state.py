"""Where a run stands."""

from dataclasses import asdict

from cut.training.saved_state import TrainingState


def test_the_mean_of_an_epoch_is_over_the_steps_that_trained_the_generators():
    state = TrainingState()
    for loss in (None, None, 3.0, None, 5.0):
        state.count_step(2)
        state.count_loss(loss)
    assert (state.step, state.images) == (5, 10)
    state.finish_epoch()
    assert state.epoch_losses == [4.0] and (state.loss_sum, state.loss_steps) == (0.0, 0)


def test_states_from_before_these_steps_were_counted():
    saved = asdict(TrainingState(epoch_steps=3, loss_sum=6.0))
    del saved["loss_steps"]
    state = TrainingState.from_saved(saved)
    state.finish_epoch()
    assert state.epoch_losses == [2.0]
