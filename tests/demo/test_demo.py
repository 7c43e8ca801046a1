"""What the page offers and refuses, without a browser (tests/browser/test_demo.py looks at it)."""

import asyncio
import sys

import numpy as np
import pytest
from PIL import Image

from cut.cli import demo
from cut.demo.epochs import Epochs
from cut.demo.server import ELSEWHERE, Guard
from cut.errors import UserError
from cut.servers.access import Access
from tests.evaluation.tiny_run import ARCHITECTURE, save_generator


@pytest.fixture
def words(tmp_path):
    for label in ("latest", "latest_ema", "5", "10", "best"):
        save_generator(tmp_path / "mine", label=label)
    return ["--name", "mine", "--checkpoints_dir", str(tmp_path), "--gpu_ids", "-1", *ARCHITECTURE]


def test_the_last_epoch_comes_first_and_its_average_before_it(words):
    assert list(Epochs(words).labels) == ["last, average", "last", "best", "epoch 10", "epoch 5"]


def test_a_translation_has_the_size_of_its_picture(words):
    picture = Image.fromarray(np.full((18, 23, 3), 90, np.uint8))
    assert Epochs(words).translate("best", picture).size == (23, 18)


def test_weights_that_were_seen_stay_in_memory(words):
    epochs = Epochs(words)
    assert epochs.translation("best") is epochs.translation("best") is not epochs.translation("last")


def test_a_run_without_weights_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no|There is no|has no"):
        Epochs(["--name", "none", "--checkpoints_dir", str(tmp_path)])


def test_what_the_page_asks_for_is_not_an_option(capsys):
    assert demo.main(["--name", "mine", "--input", "photos"]) != 0
    assert capsys.readouterr().err == "--input: the page asks for it, leave it out.\n"


def test_without_gradio_one_sentence_says_how_to_get_it(words, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert demo.main(words) != 0
    assert capsys.readouterr().err.endswith("pip install '.[demo]'\n")


def answer(headers: dict[str, str], token: str | None = None, page: bytes = b"page") -> tuple[int, bytes]:
    """The status and body that a guarded page gives."""
    sent = []

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": page})

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw}
    asyncio.run(Guard(application, Access(7860, token=token))(scope, None, send))
    return sent[0]["status"], sent[1]["body"]


def test_only_this_machine_is_answered():
    assert answer({"host": "localhost:7860"}) == (200, b"page")
    assert answer({"host": "evil.example:7860"})[0] == 403
    assert answer({"host": "localhost:7860", "origin": "http://evil.example"})[0] == 403


def test_others_need_the_token():
    token = "a" * 20
    assert answer({"host": "machine:7860"}, token)[0] == 401
    assert answer({"host": "machine:7860", "cookie": f"cut-7860={token}"}, token)[0] == 200


def test_pages_lose_what_they_would_load_from_other_hosts():
    page = (
        b'<p><link rel="preconnect" href="https://fonts.example" /><script src="https://cdn.example/a.js"></script></p>'
    )
    assert answer({"host": "localhost"}, page=page) == (200, b"<p></p>")
    assert ELSEWHERE.sub(b"", b'<script src="./own.js"></script>') == b'<script src="./own.js"></script>'
