"""The listeners of a run, called one after another; whatever one of them does, training goes on."""

from cut.training.failures import explained
from cut.training.listener import Listener


class Audience(list[Listener]):
    """Listeners; one that fails is dropped, and the others hear of it."""

    def say(self, text: str) -> None:
        """Give them a message for the user."""
        self.tell("message", text)

    def tell(self, event: str, *details: object) -> None:
        """Call a method of every listener."""
        failures = []
        for listener in list(self):
            try:
                getattr(listener, event)(*details)
            except Exception as error:  # whatever it is, it must not end hours of training
                self.remove(listener)
                failures.append(f"{type(listener).__name__} is off for the rest of the run: {explained(error)}")
        for failure in failures:  # only now: no listener hears a message before its start
            self.say(failure)
