"""Pages in a real browser, and runs to look at. Without a browser the tests say so and are skipped."""

import re
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest

from scripts.serve import make_server
from tests.browser.chromium import DESKTOP, Visit, program, started
from tests.browser.runs import MEASURED, save_images, train


@pytest.fixture(scope="session")
def chromium():
    """The browser's program; what takes long asks for it, so that nothing is trained for tests that are skipped."""
    return program()


@pytest.fixture(scope="module")  # not longer: Playwright's event loop would be in the way of other tests
def browser(chromium):
    with started(chromium) as browser:
        yield browser


@pytest.fixture
def visit(browser):
    """`visit(address, …)`: a page in a profile of its own; at the end of the test nothing may have gone wrong in it.

    `home` is the server that it may talk to, as "host:port"; without one it has no network at all. `expected` are
    patterns of troubles that are not its own fault; the rest are options of the profile.
    """
    visits = []

    def open_page(address: str, *, home: str = "", expected: tuple[str, ...] = (), **options):
        context = browser.new_context(**(DESKTOP | {"offline": not home} | options))
        context.clock.install()  # goes on by itself, and can be put forward
        one = Visit(context.new_page(), home)
        visits.append((one, expected))
        one.page.goto(address)
        return one.page

    yield open_page
    troubles = [
        text
        for one, expected in visits
        for text in one.troubles
        if not any(re.search(pattern, text) for pattern in expected)
    ]
    for one, _ in visits:
        one.page.context.close()
    assert not troubles, "\n".join(troubles)


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def finished_run(chromium, images, tmp_path_factory):
    """The folder of a run of three epochs of four images, each measured, and with a picture every two images."""
    return train(tmp_path_factory.mktemp("checkpoints") / "tiny", dataroot=images, **MEASURED)


@pytest.fixture
def serve():
    """`serve(folder)`: serve the runs in a folder as scripts/serve.py does; returns "host:port"."""
    servers = []

    def start(folder: Path) -> str:
        server = make_server(folder, "localhost", 0)
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"localhost:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def pytest_terminal_summary(terminalreporter):
    """pytest hides the reasons of skipped tests; these have to be seen."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2] for report in skipped if report.nodeid.startswith("tests/browser/"))
    for reason, count in reasons.items():
        tests = "1 browser test" if count == 1 else f"{count} browser tests"
        terminalreporter.write_line(f"{tests} skipped: {reason.removeprefix('Skipped: ')}")
