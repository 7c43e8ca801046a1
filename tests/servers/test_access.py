"""Which requests a server on this machine answers."""

import socket

import pytest

from cut.errors import UserError
from cut.servers.access import REALM, VARIABLE, Access, is_this_machine, is_token, new_token

TOKEN = "a-token-of-the-test"


def asked(access, target="/", method="GET", **headers):
    """The status of the answer; 200 for the page itself."""
    named = {name.replace("_", "-"): value for name, value in {"Host": "localhost:8097", **headers}.items()}
    answer = access.answer(method, target, [(name, value) for name, value in named.items() if value is not None])
    return 200 if answer is None else answer.status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1:8097", 200),
        ("127.1.2.3", 200),
        ("[::1]:8097", 200),
        ("gpu1:8097", 200),
        (socket.gethostname(), 200),
        (None, 200),  # only a program that speaks HTTP/1.0
        ("gpu1.evil.example", 403),
        ("evil.example:8097", 403),
        ("localhost.evil.example", 403),
        ("0.0.0.0:8097", 403),
        ("192.0.2.7", 403),
        ("[2001:db8::1]", 403),
        ("localhost:8097@evil.example", 400),
        ("localhost/../evil", 400),
        ("localhost localhost", 400),
        ("localhost, evil.example", 400),
        ("[::1", 400),
        (":8097", 400),
    ],
)
def test_only_names_of_this_machine(host, status):
    assert asked(Access(8097, ["gpu1"]), Host=host) == status


def test_two_hosts_and_a_malformed_address():
    access = Access(8097)
    assert access.answer("GET", "/", [("Host", "localhost"), ("host", "localhost")]).status == 400
    for target in ("http://[", "http://[/?token=x", "//["):
        assert asked(access, target) == 400
    assert asked(access, "http://evil.example/") == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8097", 200),
        ("https://LOCALHOST:8097", 200),  # where something in front of it adds TLS
        ("http://localhost:8098", 403),
        ("http://127.0.0.1:8097", 403),  # another origin for a browser too
        ("http://localhost", 403),
        ("http://evil.example", 403),
        ("http://localhost:8097.evil.example", 403),
        ("null", 403),
        ("file://", 403),
        ("", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_pages_of_the_server_itself(origin, status, method):
    assert asked(Access(8097), method=method, Origin=origin) == status
    assert asked(Access(8097, token=TOKEN), method=method, Origin=origin, Authorization=f"token {TOKEN}") == status


def test_what_browsers_say_about_requests_without_an_origin():
    access, link = Access(8097), {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    for site in ("none", "same-origin"):
        assert asked(access, Sec_Fetch_Site=site) == 200
    for site in ("cross-site", "same-site"):
        assert asked(access, Sec_Fetch_Site=site, **link) == 200
        assert asked(access, Sec_Fetch_Site=site, **link | {"Sec_Fetch_Dest": "iframe"}) == 403
        assert asked(access, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="script") == 403
        assert asked(access, method="POST", Sec_Fetch_Site=site, **link) == 403


def test_a_token_is_asked_for_and_becomes_a_cookie():
    access = Access(8097, token=TOKEN)
    assert access.answer("POST", "/env_state", [("Host", "localhost")]).headers["WWW-Authenticate"] == REALM
    for wrong in ("", "x", TOKEN[:-1], TOKEN + "x", "\ud800", "é"):
        assert asked(access, Authorization=f"Bearer {wrong}") == 401
        assert asked(access, Cookie=f"cut-8097={wrong}") == 401
        assert asked(access, f"/?token={wrong}".encode("utf-8", "replace").decode()) == 401
    assert asked(access, Cookie=f"cut-9000={TOKEN}") == 401
    assert asked(access, Authorization=f"Basic {TOKEN}") == 401
    assert asked(access, Authorization=f"Bearer {TOKEN}") == asked(access, Authorization=f"token {TOKEN}") == 200
    answer = access.answer("GET", f"/env/a?b=%2F&token={TOKEN}&c=1", [("Host", "gpu1.example:8097")])
    assert answer.status == 302 and answer.headers["Location"] == "/env/a?b=%2F&c=1"
    cookie, *rules = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} == set(rules)
    assert asked(access, Host="gpu1.example:8097", Cookie=f"x=1; {cookie};") == 200
    assert (
        asked(access, f"/events?token={TOKEN}", "POST") == asked(access, f"/socket?token={TOKEN}", Upgrade="x") == 200
    )


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example"])
def test_the_way_on_stays_on_the_server(path):
    answer = Access(1, token=TOKEN).answer("GET", f"{path}?token={TOKEN}", [("Host", "localhost")])
    assert answer.status != 302 or not answer.headers["Location"].startswith(("//", "/\\"))


def test_tokens(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert new_token() != new_token() and is_token(new_token())
    monkeypatch.setenv(VARIABLE, TOKEN)
    assert new_token() == TOKEN
    for wrong in ("short", "with; semicolon and space", "é" * 20, "x" * 16 + "\n"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UserError, match="16 to 200"):
            new_token()


def test_who_can_reach_an_address():
    assert is_this_machine("127.0.0.1") and is_this_machine("::1")
    assert not any(map(is_this_machine, ("0.0.0.0", "::", "192.0.2.1", "")))
