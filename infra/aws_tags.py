"""The tags by which everything is known that a lab has on AWS."""

from __future__ import annotations

from labs.tables.cloud import LAB_TAG

MARK = "halab-mark"
"""Holds the lab's mark (`inventory.mark`): another machine's lab may have the same name."""


def name_of(lab: str, name: str) -> str:
    """Return what an object of a lab is called: no other lab's object in the account is."""
    return f"halab-{lab}-{name}"


def tags_of(lab: str, mark: str, name: str) -> dict[str, str]:
    """Return the tags of an object that is the lab's."""
    return {"Name": name_of(lab, name), LAB_TAG: lab, MARK: mark}
