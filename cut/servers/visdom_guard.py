"""visdom's server behind the checks of `Access`: every page, request and WebSocket, also those of later versions."""

from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler, stream_request_body

from cut.servers.access import Access, Answer


@stream_request_body
class Refusal(RequestHandler):
    """Sends an `Answer` once the request is complete: sooner, the connection would be reset before it is read.

    The body of the request is dropped while it comes.
    """

    def initialize(self, answer: Answer) -> None:
        self.reply = answer

    def data_received(self, chunk: bytes) -> None:
        pass

    def send(self) -> None:
        self.set_status(self.reply.status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        for name, value in self.reply.headers.items():
            self.set_header(name, value)
        self.finish(f"{self.reply.sentence}\n")

    get = head = post = put = patch = delete = options = send


def guard(application: type[Application], access: Access) -> None:
    """Check the requests to all servers of an application before any of its handlers sees them."""
    found = application.find_handler

    def find_handler(self: Application, request: HTTPServerRequest, **details: Any) -> Any:
        answer = access.answer(request.method or "", request.uri or "", request.headers.get_all())
        if answer is None:
            return found(self, request, **details)
        return self.get_handler_delegate(request, Refusal, {"answer": answer})

    application.find_handler = find_handler  # type: ignore[method-assign]  # its server makes the class's object itself
