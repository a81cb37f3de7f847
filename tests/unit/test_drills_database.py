"""The client outside of a database, and its ledger there, on a real server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.ledger import Entry, compare, parse_entries
from drills.probes import Attempt
from tests.unit.database_server import Server, missing, python, serving
from tests.unit.outside_client import RUN, Client

WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def reach(server: Server, log: Path) -> Client:
    made = Client(log, "writes", server.url, python=(str(python()), "-I"))
    made.wait("write", ok=True, count=2)
    return made


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[Client]:
    made = reach(server, tmp_path / "log")
    yield made
    if made.process.poll() is None:
        made.end()
    server.run(server.part.clear_ledger(RUN))


@pytest.fixture(scope="module")
def attempts(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Attempt, ...]]:
    """Let a client write for a moment and return what it tried; its entries stay there."""
    made = reach(server, tmp_path_factory.mktemp("client") / "log")
    made.end()
    server.tell("CREATE TABLE kept AS TABLE ledger")
    yield made.attempts()
    server.tell("DROP TABLE kept")


@pytest.fixture
def written(server: Server, attempts: tuple[Attempt, ...]) -> Iterator[tuple[Attempt, ...]]:
    """Return what a client tried; whatever a test does to its entries is undone."""
    server.tell("TRUNCATE ledger")
    server.tell("INSERT INTO ledger TABLE kept")
    yield attempts
    server.tell("TRUNCATE ledger")


def ledger(server: Server, run: str = RUN) -> tuple[Entry, ...]:
    return parse_entries(server.run(server.part.list_ledger(run)))


def test_a_database_without_a_ledger_has_nothing_to_clear(server: Server) -> None:
    server.run(server.part.clear_ledger("nobody"))


def test_what_was_acknowledged_is_there_in_order(
    server: Server, written: tuple[Attempt, ...]
) -> None:
    books = compare(written, ledger(server))
    assert books.complete, books
    assert books.acknowledged >= 2


def test_times_are_those_of_the_writes(server: Server, written: tuple[Attempt, ...]) -> None:
    told = {attempt.entry: attempt.wall for attempt in written if attempt.kind == "write"}
    for entry in ledger(server):
        assert entry.at == pytest.approx(told[entry.name], abs=1.0)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("DELETE FROM ledger WHERE entry = 'run-000001'", "1 are missing (run-000001)"),
        ("UPDATE ledger SET body = 'x' WHERE entry = 'run-000001'", "1 are altered (run-000001)"),
        (
            "UPDATE ledger SET at = at + interval '1 minute' WHERE entry = 'run-000001'",
            "1 are out of order (run-000002)",
        ),
        ("INSERT INTO ledger SELECT 'run-9', body FROM ledger LIMIT 1", "2 are there twice"),
    ],
)
def test_who_spoils_the_ledger_is_found_out(
    server: Server, written: tuple[Attempt, ...], spoil: str, words: str
) -> None:
    server.tell(spoil)
    assert words in str(compare(written, ledger(server)))


def test_a_run_is_cleared_and_no_other(server: Server, written: tuple[Attempt, ...]) -> None:
    server.tell("INSERT INTO ledger VALUES ('other-1', 'mine')")
    server.run(server.part.clear_ledger(RUN))
    assert ledger(server) == ()
    assert [entry.name for entry in ledger(server, "other")] == ["other-1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_server_that_is_away_and_back(
    server: Server, client: Client, number: signal.Signals
) -> None:
    server.stop(number)
    assert not server.answers()
    client.wait("probe", ok=False, count=2)
    client.wait("write", ok=False, count=1)
    server.start()
    client.wait("probe", ok=True, count=2)
    client.wait("write", ok=True, count=2)
    client.end()
    books = compare(client.attempts(), ledger(server))
    assert books.complete, books


def test_a_server_that_stands_still_is_given_up_in_time(server: Server, client: Client) -> None:
    server.freeze()
    try:
        client.wait("probe", ok=False, count=2)
    finally:
        server.thaw()
    client.wait("probe", ok=True, count=2)
    late = [attempt for attempt in client.attempts("probe") if not attempt.ok]
    assert {attempt.error for attempt in late} == {"TimeoutError"}
    took = [attempt.ended - attempt.begun for attempt in late]
    assert all(each > 0.7 for each in took)
    # A busy machine may be late to notice, but not each time.
    assert min(took) < 1.5


def test_a_connection_may_take_longer_than_a_question(server: Server, client: Client) -> None:
    """Who hurries must not give up, and begin anew, what only takes its time."""
    before = server.connections
    server.freeze()
    try:
        # The first waits at the connection that is there, the others for a new one.
        client.wait("probe", ok=False, count=3)
    finally:
        server.thaw()
    client.wait("probe", ok=True, count=1)
    client.wait("write", ok=True, count=1)
    assert server.connections - before <= 2


def test_one_connection_serves_all_questions(server: Server, client: Client) -> None:
    client.wait("probe", ok=True, count=5)
    opened = server.tell("SELECT count(*) FROM pg_stat_activity WHERE usename = 'halab'")
    assert opened.strip() == "2"
