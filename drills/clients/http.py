"""A web server as the client outside asks it; runs on the monitor."""

from __future__ import annotations

import http.client

from drills.clients.base import Asking
from drills.errand import PROBE_TIMEOUT, WRITE_TIMEOUT, Outcome


class Client(Asking):
    """A web server; every request has a connection of its own."""

    def ask(self) -> Outcome:
        """Get the page."""
        status, error = self._exchange("GET", "/", PROBE_TIMEOUT)
        return status == 200, error or str(status)

    def keep(self, entry: str, body: str) -> Outcome:
        """Put an entry into the ledger; only an answer of 2xx is a promise."""
        status, error = self._exchange("PUT", f"/ledger/{entry}", WRITE_TIMEOUT, body.encode())
        return status is not None and 200 <= status < 300, error or str(status)

    def _exchange(
        self, method: str, path: str, timeout: float, body: bytes | None = None
    ) -> tuple[int | None, str | None]:
        connection = http.client.HTTPConnection(self.address, self.url.port or 80, timeout=timeout)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            answer.read()
            return answer.status, None
        except (OSError, http.client.HTTPException) as error:
            return None, type(error).__name__
        finally:
            connection.close()
