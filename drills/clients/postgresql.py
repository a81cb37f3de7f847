"""PostgreSQL as the client outside asks it; runs on the monitor, which has psycopg2."""

from __future__ import annotations

import select
import time
from typing import Any

from drills.clients.base import Asking
from drills.errand import CONNECT_TIMEOUT, PROBE_TIMEOUT, WRITE_TIMEOUT, Outcome

TABLE = """CREATE TABLE IF NOT EXISTS ledger (
    entry text PRIMARY KEY,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""


class Client(Asking):
    """A PostgreSQL server; a connection is kept until the first error.

    Each statement is a transaction of its own: it has returned when COMMIT has. A connection may
    take longer than a statement: several of them wait for it in turn.
    """

    def __init__(self, url: str) -> None:
        import psycopg2

        super().__init__(url)
        self.errors = (psycopg2.Error, OSError)
        self.open = psycopg2.connect
        self.connection: Any = None
        self.begun = 0.0
        self.connected = False
        self.has_table = False

    def ask(self) -> Outcome:
        """Have it answer."""
        return self._tell("SELECT 1", (), PROBE_TIMEOUT)

    def keep(self, entry: str, body: str) -> Outcome:
        """Insert an entry into the ledger, which the first one makes."""
        if not self.has_table:
            self.has_table, why = self._tell(TABLE, (), WRITE_TIMEOUT)
            if not self.has_table:
                return False, why
        return self._tell("INSERT INTO ledger VALUES (%s, %s)", (entry, body), WRITE_TIMEOUT)

    def _tell(self, statement: str, values: tuple[str, ...], timeout: float) -> Outcome:
        deadline = time.monotonic() + timeout
        try:
            self._connect(deadline)
            # Without a name it would be gone before its answer comes.
            cursor = self.connection.cursor()
            cursor.execute(statement, values)
            self._wait(deadline)
            return True, ""
        except self.errors as error:
            waits = not self.connected and isinstance(error, TimeoutError)
            if not waits or time.monotonic() - self.begun > CONNECT_TIMEOUT:
                self._close()
            return False, type(error).__name__

    def _connect(self, deadline: float) -> None:
        if self.connection is None:
            self.begun, self.connected = time.monotonic(), False
            self.connection = self.open(self.url.geturl(), async_=1)
        if not self.connected:
            self._wait(deadline)
            self.connected = True

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection, self.connected = None, False

    def _wait(self, deadline: float) -> None:
        while state := self.connection.poll():
            left = deadline - time.monotonic()
            # 1 is for reading and 2 for writing (psycopg2.extensions, POLL_READ and POLL_WRITE).
            readers, writers = ([self.connection] if state == flag else [] for flag in (1, 2))
            if left <= 0 or not any(select.select(readers, writers, [], left)):
                raise TimeoutError
