"""What a client of every kind is; runs on the monitor, under its own python3."""

from __future__ import annotations

from urllib.parse import urlsplit

from drills.errand import Outcome


class Asking:
    """Uses a service at one address. A kind of client says how, and what it takes for an answer."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)

    @property
    def address(self) -> str:
        """Where it is."""
        return self.url.hostname or ""

    def ask(self) -> Outcome:
        """Have it answer."""
        raise NotImplementedError

    def keep(self, entry: str, body: str) -> Outcome:
        """Put an entry into the ledger of a service that keeps writes: what is ok is a promise."""
        raise NotImplementedError
