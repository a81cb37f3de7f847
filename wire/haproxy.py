"""What HAProxy thinks of the servers behind it, as its page of statistics tells it."""

from __future__ import annotations

import csv


def parse_servers(text: str, backend: str) -> dict[str, bool]:
    """Read `;csv` of the page: whether each server of a backend gets requests.

    Nothing when there is no such page. A state may have more words: of a server that is `UP 1/2`
    one check has failed, and it still gets requests.
    """
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return {
        row["svname"]: row["status"].split(" ")[0] == "UP"
        for row in rows
        if row.get("pxname") == backend and row["svname"] != "BACKEND"
    }
