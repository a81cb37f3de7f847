"""How an instance of a rehearsal gets packages: a proxy that lets through mirrors alone."""

from __future__ import annotations

import socket
from collections.abc import Callable
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request

import pytest

from rehearsal import depot

PACKAGE = "http://deb.example/debian/pool/w/web.deb"


class Found(BytesIO):
    """What a mirror answers."""

    status, reason = 206, "Partial Content"

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.headers = Message()
        self.headers["Content-Length"] = str(len(body))
        self.headers["Set-Cookie"] = "known=yes"


def asked(
    fetch: Callable[[Request], Any], url: str = PACKAGE, **headers: str
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return the status, the headers and the body that an instance gets."""
    said: list[Any] = []
    answers = depot.application(["deb.example"], fetch)
    environ = {"REQUEST_METHOD": "GET", "REQUEST_URI": url, **headers}
    body = b"".join(answers(environ, lambda *words: said.extend(words)))
    return said[0], said[1], body


def test_a_package_comes_from_the_mirror_as_apt_asked_for_it() -> None:
    requests: list[Request] = []

    def fetch(request: Request) -> Found:
        requests.append(request)
        return Found(b"end of it")

    status, headers, body = asked(fetch, HTTP_RANGE="bytes=100-", HTTP_COOKIE="mine")

    assert (status, body) == ("206 Partial Content", b"end of it")
    assert headers == [("Content-Length", "9")]
    (request,) = requests
    assert request.full_url == PACKAGE
    assert dict(request.header_items()) == {"Range": "bytes=100-"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/secret",
        "http://localhost/secret",
        "https://deb.example/debian",
        "file:///etc/passwd",
        "/etc/passwd",
    ],
)
def test_what_is_not_on_a_mirror_is_nobodys_business(url: str) -> None:
    def fetch(request: Request) -> Found:
        raise AssertionError(f"{request.full_url} was asked for")

    status, _, body = asked(fetch, url)

    assert (status, body) == ("403 Forbidden", b"only from deb.example\n")


def test_a_mirror_that_has_nothing_newer_or_does_not_answer_is_not_hidden() -> None:
    def unchanged(request: Request) -> Found:
        raise HTTPError(request.full_url, 304, "Not Modified", Message(), BytesIO())

    def silent(request: Request) -> Found:
        raise URLError("no route to host")

    assert asked(unchanged)[0] == "304 Not Modified"
    assert asked(silent)[0] == "502 Bad Gateway"


def test_the_address_is_served_by_who_has_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depot, "ADDRESS", ("127.0.0.1", 0))
    outside, inside = socket.socketpair()
    with outside, inside:
        depot.lend(inside.fileno())
        _, (listening,), _, _ = socket.recv_fds(outside, 1, 1)
        with (
            socket.socket(fileno=listening) as served,
            socket.create_connection(served.getsockname()) as client,
            served.accept()[0] as answering,
        ):
            answering.sendall(b"here")
            assert client.recv(4) == b"here"
        # Whose end of the channel is still open lives on.
        outside.setblocking(False)
        with pytest.raises(BlockingIOError):
            outside.recv(1)
        inside.close()
        assert outside.recv(1) == b""
