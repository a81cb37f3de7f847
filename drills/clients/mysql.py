"""MariaDB with Galera as the client outside asks it; runs on the monitor, which has pymysql."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from drills.clients.base import Asking
from drills.errand import CONNECT_TIMEOUT, PROBE_TIMEOUT, WRITE_TIMEOUT, Errand, Outcome

MYSQL_PORT = 3306


class Client(Asking):
    """A MariaDB server with Galera; a connection is kept until the first error.

    Each statement is a transaction of its own: it has returned when COMMIT has. A table is asked
    for, which a server that is not where most servers are refuses; the ledger is there already. A
    connection may take longer than a statement: several of them wait for it in turn.
    """

    def __init__(self, url: str) -> None:
        import pymysql

        super().__init__(url)
        self.errors = (pymysql.MySQLError, OSError)
        self.open = pymysql.connect
        self.errand = Errand()
        self.socket: socket.socket | None = None
        self.connection: Any = None

    def ask(self) -> Outcome:
        """Have it answer."""
        return self._tell("SELECT 1 FROM ledger LIMIT 0", (), PROBE_TIMEOUT)

    def keep(self, entry: str, body: str) -> Outcome:
        """Insert an entry into the ledger."""
        insert = "INSERT INTO ledger (entry, body) VALUES (%s, %s)"
        return self._tell(insert, (entry, body), WRITE_TIMEOUT)

    def _tell(self, statement: str, values: tuple[str, ...], timeout: float) -> Outcome:
        told = self.errand.within(timeout, lambda: self._execute(statement, values))
        late = self.socket if self.errand.is_late and self.connection is not None else None
        if late is not None:
            # Whoever has the address by now knows nothing of this connection, which may be over.
            with suppress(OSError):
                late.shutdown(socket.SHUT_RDWR)
        return told

    def _execute(self, statement: str, values: tuple[str, ...]) -> Outcome:
        try:
            if self.connection is None:
                self._connect()
            with self.connection.cursor() as cursor:
                cursor.execute(statement, values)
            return True, ""
        except self.errors as error:
            if self.socket is not None:
                self.socket.close()
            self.socket = self.connection = None
            return False, type(error).__name__

    def _connect(self) -> None:
        where = self.address, self.url.port or MYSQL_PORT
        self.socket = socket.create_connection(where, CONNECT_TIMEOUT)
        found = self.open(
            host=self.address,
            user=self.url.username,
            database=self.url.path.removeprefix("/"),
            autocommit=True,
            read_timeout=CONNECT_TIMEOUT,
            write_timeout=CONNECT_TIMEOUT,
            defer_connect=True,
        )
        found.connect(self.socket)
        self.connection = found
