"""What a changed definition does to a lab that exists, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import HalabError
from labs.model import Lab


class Effect(StrEnum):
    """What a change costs, in the words that a person reads."""

    NOTED = "noted, nothing changes"
    LIVE = "taken over while everything runs"
    MOVED = "clients find the service there at once, and no longer where it was"
    RESTARTED = "the cluster is stopped and started as a whole: the service is away meanwhile"
    IN_TURN = "one machine after the other is shut down and started; the service moves once"
    GROWN = "both disks and the filesystem grow while everything runs"
    REFUSED = "refused"


NAMED = "machines cannot be renamed, nor change their places"
PLACED = "machines cannot move to another network"
KEPT = "a disk that holds data cannot shrink"
FIXED = "a lab cannot move to another platform"

RULES: dict[str, Effect | str] = {
    "description": Effect.NOTED,
    "platform.kind": FIXED,
    "platform.uri": FIXED,
    "platform.pace": Effect.LIVE,
    "nodes.names": NAMED,
    "nodes.cpus": Effect.IN_TURN,
    "nodes.memory_mib": Effect.IN_TURN,
    "nodes.data_disk_mib": Effect.GROWN,
    "monitor.name": NAMED,
    "monitor.cpus": Effect.IN_TURN,
    "monitor.memory_mib": Effect.IN_TURN,
    "monitoring.enabled": Effect.LIVE,
    "monitoring.interval_s": Effect.LIVE,
    "networks.management": PLACED,
    "networks.cluster-a": PLACED,
    "networks.cluster-b": PLACED,
    "networks.service": PLACED,
    "networks.replication": PLACED,
    "service.address": Effect.MOVED,
    "service.port": Effect.MOVED,
    "firewall.enabled": Effect.LIVE,
    "firewall.allow": Effect.LIVE,
    "timing.profile": Effect.NOTED,
    "timing.token_ms": Effect.LIVE,
    "timing.token_retransmits": Effect.LIVE,
    "timing.watchdog_s": Effect.RESTARTED,
    "timing.msgwait_s": Effect.RESTARTED,
    "timing.sync_timeout_ms": Effect.LIVE,
    "timing.stonith_timeout_s": Effect.LIVE,
    "timing.dc_deadtime_s": Effect.LIVE,
    "timing.recheck_s": Effect.LIVE,
}
"""The effect of every key of a definition, or why a lab that exists cannot follow.

`version` has one value, and another `name` is another lab. A profile's values are compared one by
one.
"""


@dataclass(frozen=True)
class Change:
    """One key with its values, as TOML writes them; `reason` says why a change is refused."""

    key: str
    before: str
    after: str
    effect: Effect
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after}: {self.reason or self.effect}"


def compare(before: Lab, after: Lab) -> tuple[Change, ...]:
    """Return what changes from one definition of a lab to another, by their effective values."""
    old, new = dict(_values(before)), dict(_values(after))
    return tuple(_change(key, old[key], new[key]) for key in old if old[key] != new[key])


def refuse(name: str, changes: Iterable[Change]) -> None:
    """Raise one HalabError with every change that the lab of this name cannot follow."""
    refused = [change for change in changes if change.effect is Effect.REFUSED]
    if refused:
        raise HalabError(
            f"lab {name!r} exists and cannot become what its definition says now; "
            "nothing was changed",
            detail="\n".join(map(str, refused)),
            hint=f"take this back; or begin anew, without the lab's data: `./halab down {name}`, "
            "then `up`",
        )


def _values(lab: Lab) -> Iterator[tuple[str, Any]]:
    tables = lab.model_dump(mode="json", by_alias=True, exclude={"version", "name"})
    tables["service"]["address"] = str(lab.service.address)
    for table, content in tables.items():
        if isinstance(content, dict):
            yield from ((f"{table}.{key}", value) for key, value in content.items())
        else:
            yield table, content


def _change(key: str, before: Any, after: Any) -> Change:
    rule = RULES[key]
    if rule is Effect.GROWN and after < before:
        rule = KEPT
    effect, reason = (rule, "") if isinstance(rule, Effect) else (Effect.REFUSED, rule)
    return Change(key, _toml(before), _toml(after), effect, reason)


def _toml(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
