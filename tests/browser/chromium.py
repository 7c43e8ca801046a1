"""A real browser for the tests, and what goes wrong in its pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")  # Debian, Ubuntu, Google's own
REQUIRED = "CUT_REQUIRE_BROWSER"  # a variable: 1 where a browser test may not be skipped
# Playwright sends most of what keeps a browser without a screen from its own errands; this is the rest.
FLAGS = ("--disable-gpu", "--disable-quic", "--disable-sync")
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
SECONDS = 30  # for anything that a page is waited for


def skip(reason: str) -> None:
    """Skip the test, or fail it where browser tests are required."""
    if os.environ.get(REQUIRED, "") not in ("", "0"):
        pytest.fail(f"{REQUIRED} is set, but {reason}", pytrace=False)
    pytest.skip(reason)


def program() -> str:
    """The browser on this machine; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        skip("no Chromium found (apt install chromium)")
    return found


@contextmanager
def started(program: str) -> Iterator[Browser]:
    """The browser, without a window and with a new profile."""
    expect.set_options(timeout=1000 * SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page with a list of everything in it that should not have happened.

    Attributes:
        page: the page.
        home: the only server that it may talk to, as "host:port"; "" for none.
        troubles: errors and warnings of its console, exceptions, requests that failed or went elsewhere, dialogs.
    """

    page: Page
    home: str
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", lambda one: self.troubles.append(f"request failed: {one.url} ({one.failure})"))
        self.page.on("response", self._response)
        self.page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.troubles.append(f"{message.type} in the console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("file", "data", "blob") and address.netloc != self.home:
            self.troubles.append(f"request to elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"status {response.status}: {response.url}")

    def _dialog(self, dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()
