"""The tunnel: bytes go both ways, and a dead end closes the door instead of hanging."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from paramiko import SSHException

from core.errors import HalabError
from machines.remote import Remote
from machines.tunnel import HERE, tunnel


class Channel:
    """An ssh channel as the tunnel knows it, made of a socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._end, name)

    def fileno(self) -> int:
        return self._end.fileno()

    def shutdown_write(self) -> None:
        self._end.shutdown(socket.SHUT_WR)


class FakeRemote:
    """Leads every channel to a server that answers in capitals when the client is done."""

    def __init__(self, *, dead: bool = False) -> None:
        self.dead = dead
        self.targets: list[tuple[str, int]] = []

    def open_channel(self, target: tuple[str, int], _: object) -> Channel:
        if self.dead:
            raise SSHException("nobody there")
        self.targets.append(target)
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return Channel(ours)

    @staticmethod
    def _serve(end: socket.socket) -> None:
        with end:
            heard = b""
            while data := end.recv(1000):
                heard += data
            end.sendall(heard.upper())


def ask(port: int, text: bytes) -> bytes:
    with socket.create_connection((HERE, port), timeout=5) as client:
        client.sendall(text)
        # The other end may have hung up already; what it said before is still read below.
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while data := client.recv(1000):
            answer += data
        return answer


@pytest.fixture
def remote() -> Iterator[FakeRemote]:
    yield FakeRemote()


def test_what_is_sent_comes_back_from_the_other_side(remote: FakeRemote) -> None:
    with tunnel(cast(Remote, remote), "10.30.0.100", 80) as port:
        assert ask(port, b"hello" * 100_000) == b"HELLO" * 100_000
        assert ask(port, b"again") == b"AGAIN"
    assert remote.targets == [("10.30.0.100", 80)] * 2


def test_nobody_answers_when_the_tunnel_is_closed(remote: FakeRemote) -> None:
    with tunnel(cast(Remote, remote), "10.30.0.100", 80) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(port, b"hello")


def test_a_dead_end_closes_the_connection() -> None:
    with (
        tunnel(cast(Remote, FakeRemote(dead=True)), "10.30.0.100", 80) as port,
        suppress(ConnectionError),
    ):
        assert ask(port, b"hello") == b""


def test_a_port_that_is_taken_is_said(remote: FakeRemote) -> None:
    with (
        tunnel(cast(Remote, remote), "10.30.0.100", 80) as port,
        pytest.raises(HalabError, match=str(port)),
        tunnel(cast(Remote, remote), "10.30.0.100", 80, port),
    ):
        pass
