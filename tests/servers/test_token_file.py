"""The token of a visdom server: who finds it, and what is said when it cannot be kept."""

import os

from cut.servers.access import VARIABLE
from cut.servers.token_file import published, token_file, token_for


def test_tokens_are_for_this_machine_or_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    with published("a-token-of-the-test", 8097):
        assert token_for("http://localhost", 8097) == token_for("http://127.0.0.1", 8097) == "a-token-of-the-test"
        assert token_for("http://localhost", 8098) is None and token_for("http://gpu9.example", 8097) is None
    assert token_for("http://localhost", 8097) is None and not token_file(8097).exists()
    token_file(8097).write_text("two\nlines of something else")
    assert token_for("http://localhost", 8097) is None
    token_file(8097).unlink()
    os.mkfifo(token_file(8097))
    assert token_for("http://localhost", 8097) is None
    monkeypatch.setenv(VARIABLE, "of-the-environment")
    assert token_for("http://gpu9.example", 8097) == "of-the-environment"


def test_a_home_that_cannot_be_written_is_said(monkeypatch, tmp_path):
    (tmp_path / ".visdom").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    with published("a-token-of-the-test", 8097) as problem:
        assert "cannot be written" in problem
