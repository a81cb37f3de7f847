"""memcached as the client outside asks it, in its text protocol; runs on the monitor."""

from __future__ import annotations

import socket
import time

from drills.clients.base import Asking
from drills.errand import PROBE_TIMEOUT, Outcome

MEMCACHED_PORT = 11211

QUESTION, NOTHING = b"get halab\r\n", b"END\r\n"
"""What is asked for, and the answer of a cache that holds nothing by that name."""


class Client(Asking):
    """A cache; every question has a connection of its own."""

    def ask(self) -> Outcome:
        """Ask for something that nobody has put there."""
        deadline = time.monotonic() + PROBE_TIMEOUT
        where = self.address, self.url.port or MEMCACHED_PORT
        told = b""
        try:
            with socket.create_connection(where, PROBE_TIMEOUT) as connection:
                connection.sendall(QUESTION)
                while len(told) < len(NOTHING):
                    connection.settimeout(max(0.001, deadline - time.monotonic()))
                    more = connection.recv(len(NOTHING))
                    if not more:
                        return False, "ConnectionError"
                    told += more
        except OSError as error:
            return False, type(error).__name__
        return told == NOTHING, told.decode(errors="replace").strip()
