"""The page's web server: to this machine, or to whoever has the token; nothing on the page comes from elsewhere."""

import re
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cut.demo.epochs import Epochs
from cut.demo.page import CSS, gradio, make_page, theme
from cut.errors import UserError
from cut.servers.access import Access, is_this_machine, new_token

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Gradio's page names fonts and a script of other hosts, which are for its use inside other pages.
ELSEWHERE = re.compile(
    rb"<link[^>]+href=\"https://[^>]*>|<script[^>]+src=\"https://[^>]*>\s*</script>|<meta\s+property=\"og:image\"[^>]*>"
    rb"|<meta\s+name=\"twitter:[^>]*>"
)
POLICY = b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"


class Guard:
    """An ASGI application before another: it refuses foreign requests, and takes other hosts out of pages.

    Args:
        application: what answers the requests that are allowed.
        access: decides about them.
    """

    def __init__(self, application: Any, access: Access) -> None:
        self.application, self.access = application, access

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        query = scope.get("query_string", b"").decode("latin-1")
        target = scope["path"] + (f"?{query}" if query else "")
        answer = self.access.answer(scope.get("method", "GET"), target, headers)
        if answer is None:
            await self.application(scope, receive, _Cleaned(send) if scope["type"] == "http" else send)
        elif scope["type"] == "http":
            sent = {"content-type": "text/plain; charset=utf-8"} | answer.headers
            raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": raw})
            await send({"type": "http.response.body", "body": answer.sentence.encode()})
        else:
            await send({"type": "websocket.close", "code": 1008})


class _Cleaned:
    """Sends what an application sends; of HTML without what it would load from other hosts."""

    def __init__(self, send: Send) -> None:
        self.send, self.body = send, b""
        self.start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"] = [*message["headers"], (b"content-security-policy", POLICY)]
            if any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers):
                self.start = message
                return
        if self.start is None:
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if not message.get("more_body"):
            body = ELSEWHERE.sub(b"", self.body)
            kept = [(name, value) for name, value in self.start["headers"] if name.lower() != b"content-length"]
            await self.send({**self.start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await self.send({"type": "http.response.body", "body": body})


def make_server(epochs: Epochs, host: str, port: int) -> tuple[Any, socket.socket, str]:
    """A server that is ready to run, its socket, and the address to open; port 0 takes any that is free.

    Raises:
        UserError: when a package is missing or the address cannot be used.
    """
    gr = gradio()
    import uvicorn
    from fastapi import FastAPI

    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
    except OSError as error:
        raise UserError(f"{host}:{port} cannot be used ({error.strerror}); choose another with --port.") from error
    bound, port = listening.getsockname()[:2]
    own = is_this_machine(bound)
    access = Access(port, [host], None if own else new_token())
    page = make_page(epochs, with_folders=own)
    application = gr.mount_gradio_app(
        FastAPI(openapi_url=None), page, path="/", theme=theme(), css=CSS, footer_links=[], ssr_mode=False,
        enable_monitoring=False, max_file_size="500mb", show_error=True,
    )  # fmt: skip
    config = uvicorn.Config(Guard(application, access), log_level="warning")
    name = "localhost" if own else socket.gethostname()
    address = f"http://{name}:{port}/" + ("" if access.token is None else f"?token={access.token}")
    return uvicorn.Server(config), listening, address
