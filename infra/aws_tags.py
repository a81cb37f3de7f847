"""The tags by which everything is known that a lab has on AWS."""

from __future__ import annotations

from datetime import UTC, datetime

from labs.tables.cloud import LAB_TAG

MARK = "halab-mark"
"""Holds the lab's mark (`inventory.mark`): another machine's lab may have the same name."""

UNTIL = "halab-until"
"""Holds when a machine switches itself off (`infra.programs`); one without it goes on."""


def name_of(lab: str, name: str) -> str:
    """Return what an object of a lab is called: no other lab's object in the account is."""
    return f"halab-{lab}-{name}"


def tags_of(lab: str, mark: str, name: str) -> dict[str, str]:
    """Return the tags of an object that is the lab's."""
    return {"Name": name_of(lab, name), LAB_TAG: lab, MARK: mark}


def ending(until: datetime | None) -> dict[str, str]:
    """Return the tag of a machine that shall run until then, in UTC; none for one without end."""
    return {} if until is None else {UNTIL: f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
