"""The client outside of a database that is written at every node, before servers made for it."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.outside_client import Client

DRIVER = """
class MySQLError(Exception):
    pass

class Connection:
    def __init__(self, **words):
        assert words["autocommit"] and words["user"] == "halab" and words["database"] == "halab"
        self.limit = words["read_timeout"]

    def connect(self, sock):
        self.sock = sock
        sock.settimeout(self.limit)
        self.tell("hello")

    def tell(self, text):
        try:
            self.sock.sendall(text.encode() + b"\\n")
            said = self.sock.recv(100)
        except OSError as error:
            raise MySQLError from error
        if said != b"done\\n":
            raise MySQLError(said)

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, statement, values):
        self.tell(" ".join((statement.partition(" ")[0], *values[:1])))

def connect(**words):
    assert words.pop("defer_connect")
    return Connection(**words)
"""
"""What the client needs of pymysql: a statement a line, and an answer to it."""


class Server:
    """Answers at its address, until it shall say nothing but hello, or refuse."""

    def __init__(self, number: int) -> None:
        self.listener = socket.create_server((f"127.0.2.{number}", 0))
        self.host, self.port = self.listener.getsockname()
        self.answer: bytes | None = b"done\n"
        self.heard: list[str] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mysql://halab@{self.host}:{self.port}/halab"

    @property
    def kept(self) -> list[str]:
        return [line.split()[1] for line in self.heard if line.startswith("INSERT ")]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("r") as lines:
            for line in lines:
                answer = b"done\n" if line == "hello\n" else self.answer
                if answer is not None:
                    self.heard.append(line.strip())
                    connection.sendall(answer)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    one, other = Server(1), Server(2)
    with closing(one.listener), closing(other.listener):
        yield one, other


@pytest.fixture
def client(servers: tuple[Server, Server], tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "pymysql.py").write_text(DRIVER)
    python = ("/usr/bin/env", f"PYTHONPATH={tmp_path}", sys.executable, "-S")
    urls = [server.url for server in servers]
    made = Client(tmp_path / "log", "writes", *urls, python=python)
    for server in servers:
        made.wait("write", ok=True, count=2, address=server.host)
    yield made
    if made.process.poll() is None:
        made.end()


def test_it_writes_at_all_addresses_in_turn_and_no_number_twice(
    client: Client, servers: tuple[Server, Server]
) -> None:
    client.end()
    written = [attempt.entry for attempt in client.attempts("write")]
    assert written == [f"run-{number:06d}" for number in range(1, len(written) + 1)]
    one, other = servers
    assert sorted(one.kept + other.kept) == written
    assert set(written[1::2]) == set(one.kept) and set(written[::2]) == set(other.kept)


def test_a_connection_is_kept(client: Client, servers: tuple[Server, Server]) -> None:
    client.wait("probe", ok=True, count=20)
    # One of who asks and one of who writes at each, and more where this machine is slow: who was
    # not answered in time connects anew. Without that it would be one for each attempt.
    assert 4 <= sum(server.connections for server in servers) < 16


def test_what_was_refused_is_no_promise_and_the_next_comes_over_a_new_connection(
    client: Client, servers: tuple[Server, Server]
) -> None:
    one, _ = servers
    before, one.answer = one.connections, b"1047\n"
    client.wait("write", ok=False, count=1, address=one.host)
    one.answer = b"done\n"
    client.wait("write", ok=True, count=1, address=one.host)
    assert one.connections > before
    failed = [each for each in client.attempts("write", one.host) if not each.ok]
    assert {each.error for each in failed} == {"MySQLError"}


def test_who_is_silent_costs_the_others_no_more_than_a_client_would_wait(
    client: Client, servers: tuple[Server, Server]
) -> None:
    one, other = servers
    before, one.answer = one.connections, None
    client.wait("probe", ok=False, count=4, address=one.host)
    asked = [each for each in client.attempts("probe", one.host) if not each.ok]
    # It gives up after 0.8 s; on a busy machine somewhat later, and always before a write would.
    assert max(each.ended - each.begun for each in asked) < 3
    # Nobody is waited for whose answer is late: each new connection finds whoever is there by then.
    assert one.connections - before >= 3
    client.wait("write", ok=True, count=1, address=other.host)


def test_it_ends_although_nobody_answers(client: Client, servers: tuple[Server, Server]) -> None:
    for server in servers:
        server.answer = None
    client.wait("probe", ok=False, count=1)
    client.end()
