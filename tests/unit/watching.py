"""What Zabbix is told to watch in a lab, taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parts.all import Parts
from provisioning.zabbix.template import compose


def entries(parts: Parts) -> Iterator[dict[str, Any]]:
    """Return everything in the templates that has a name of its own."""
    yield from _within(compose(parts))


def triggers(parts: Parts) -> Iterator[dict[str, Any]]:
    """Return the triggers."""
    return (entry for entry in entries(parts) if "expression" in entry)


def expressions(parts: Parts) -> dict[str, str]:
    """Return all expressions of an alarm's triggers, one a line, by the alarm."""
    found: dict[str, list[str]] = {}
    for trigger in triggers(parts):
        (alarm,) = [tag["value"] for tag in trigger["tags"] if tag["tag"] == "alarm"]
        found.setdefault(alarm, []).append(trigger["expression"])
    return {alarm: "\n".join(sorted(lines)) for alarm, lines in found.items()}


def alarms(parts: Parts) -> frozenset[str]:
    """Return the alarms that the monitoring of a lab can raise."""
    return frozenset(expressions(parts))


def _within(entry: Any) -> Iterator[dict[str, Any]]:
    if isinstance(entry, dict):
        if "uuid" in entry:
            yield entry
        for value in entry.values():
            yield from _within(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _within(value)
