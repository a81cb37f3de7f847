"""How a server of a Galera cluster sees itself and the others, as its client program prints it."""

from __future__ import annotations

from wire.record import Record

PRIMARY, SYNCED = "Primary", "Synced"

VARIABLES = ("wsrep_cluster_size", "wsrep_cluster_status", "wsrep_local_state_comment")

STATEMENT = f"SHOW STATUS WHERE Variable_name IN ({', '.join(map(repr, VARIABLES))})"
"""What to ask a server for, in rows without headings; whoever is no member is answered as well."""


class Server(Record):
    """One server: `component` is "Primary" where it may serve, `size` is how many are together.

    `state` is "Synced" where it has applied all that the others have.
    """

    component: str
    size: int
    state: str


def parse_server(text: str) -> Server | None:
    """Read what STATEMENT brought, a name and a value a line; None where no server answered."""
    rows = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    try:
        size, component, state = (rows[name] for name in VARIABLES)
        return Server(component=component, size=int(size), state=state)
    except (KeyError, ValueError):
        return None
