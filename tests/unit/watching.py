"""What Zabbix is told to watch in a lab, taken apart."""

from __future__ import annotations

from parts.all import Parts
from provisioning.zabbix.template import triggers


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
