"""What a changed definition does to a lab that exists, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import HalabError
from labs.effects import Effect, Weigh, coming, homing, waiting
from labs.model import Lab
from labs.tables.contents import Service

NAMED = "machines cannot be renamed, nor change their places: nodes come and go at the list's end"
PLACED = "machines cannot move to another network"
KEPT = "a disk that holds data cannot shrink"
ANOTHER = "a service keeps its kind; another one needs a name of its own"
FIXED = "a lab cannot move to another platform"
SHARED = "a disk that all nodes share keeps its size"

BY_ITSELF = (
    "nodes come or go in one step, and capacity, loads and services with a load in another: first "
    "what leaves more room, then what takes it"
)

RULES: dict[str, Effect | Weigh | str] = {
    "description": Effect.NOTED,
    "platform.kind": FIXED,
    "platform.uri": FIXED,
    "platform.pace": Effect.LIVE,
    "platform.region": FIXED,
    "platform.zones": FIXED,
    "platform.node_type": Effect.IN_TURN,
    "platform.monitor_type": Effect.IN_TURN,
    "platform.management_from": Effect.LIVE,
    "platform.max_usd_per_day": Effect.NOTED,
    "platform.endpoint": FIXED,
    "nodes.names": NAMED,
    "nodes.cpus": Effect.IN_TURN,
    "nodes.memory_mib": Effect.IN_TURN,
    "nodes.capacity": Effect.REWEIGHED,
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
    "services": coming,
    "services.runs": "a service keeps the places that it runs at",
    "services.storage": "a service keeps its storage",
    "services.home": homing,
    "services.stickiness": homing,
    "services.load": Effect.REWEIGHED,
    "services.follows": Effect.RESEATED,
    "services.apart": Effect.RESEATED,
    "services.after": waiting,
    "services.to": Effect.LIVE,
    "services.addresses": Effect.MOVED,
    "services.port": Effect.MOVED,
    "storage": "disks cannot come to machines that exist, nor go",
    "storage.size_mib": Effect.GROWN,
    "storage.nodes": "disks stay in the nodes that they are in",
    "fencing.kind": "fencing comes with the platform",
    "quorum.kind": Effect.LIVE,
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
"""The effect of every key of a definition, what weighs it, or why a lab that exists cannot follow.

`version` has one value, and another `name` is another lab. A profile's values are compared one by
one. Services and storage are compared each with its namesake; `services` and `storage` alone say
what it means that one comes or goes.
"""

LISTS: dict[str, tuple[Effect, Effect]] = {
    "nodes.names": (Effect.JOINED, Effect.LEFT),
    "services.addresses": (Effect.EXTENDED, Effect.SHORTENED),
}
"""The effects of a list that becomes longer or shorter at its end, where its rest stays."""


@dataclass(frozen=True)
class Change:
    """One key with its values, as TOML writes them; `reason` says why a change is refused.

    `owner`: the service or storage that the key is of, where several have one of this name.
    """

    key: str
    before: str
    after: str
    effect: Effect
    reason: str = ""
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after}: {self.reason or self.effect}"


def compare(before: Lab, after: Lab) -> tuple[Change, ...]:
    """Return what changes from one definition of a lab to another, by their effective values."""
    old = {value.subject: value for value in _values(before)}
    new = {value.subject: value for value in _values(after)}
    changes = []
    for subject in dict.fromkeys((*old, *new)):
        was, is_ = old.get(subject), new.get(subject)
        # What belongs to a service that comes or goes is told with it.
        told = (was is not None and is_ is not None) or subject[0] in COME_AND_GO
        if told and (was and was.value) != (is_ and is_.value):
            value = is_ or was or _NOTHING
            changes.append(_change(value, was and was.value, is_ and is_.value, before, after))
    changes += _places(before, after)
    changes += _handed_over(before, after)
    changes += _weighed_at_once(before, after)
    return tuple(_with_quorum(change, before, after) for change in changes)


def _places(before: Lab, after: Lab) -> Iterator[Change]:
    """Refuse other places in the file: what the cluster calls a part follows from its number.

    Replicas would be taken for each other's, and services that run would be made anew.
    """
    for table in COME_AND_GO:
        old, new = ([each.name for each in getattr(lab, table)] for lab in (before, after))
        stay = [name for name in old if name in new]
        if any(old.index(name) != new.index(name) for name in stay):
            yield Change(table, _toml(old), _toml(new), Effect.REFUSED, PLACES)


def _handed_over(before: Lab, after: Lab) -> Iterator[Change]:
    """Refuse an address that another service has: both would have it for a moment.

    The one that stops takes it away from the one that has started.
    """
    owners = {each: service.name for service in before.services for each in service.addresses}
    for service in after.services:
        for address in service.addresses:
            owner = owners.get(address, service.name)
            if owner != service.name:
                key = after.written(f"services.{service.name}.addresses")
                was, is_ = f"{address} of {owner}", f"of {service.name}"
                reason = f"{address} changes hands in two steps: first another one for {owner}"
                yield Change(key, was, is_, Effect.REFUSED, reason, service.name)


def _weighed_at_once(before: Lab, after: Lab) -> Iterator[Change]:
    """Refuse to count room anew while nodes come or go.

    In between, the one would hold with the other's old: nobody has made sure that all find room.
    """
    if len(before.nodes.names) == len(after.nodes.names):
        return
    loads = [{each.name: each.settings.load for each in lab.services} for lab in (before, after)]
    for name in dict.fromkeys(name for each in loads for name in each):
        was, is_ = (each.get(name) or None for each in loads)
        if was != is_:
            key = (after if name in after.settings else before).written(f"services.{name}.load")
            yield Change(key, _toml(was), _toml(is_), Effect.REFUSED, BY_ITSELF, name)
    if before.nodes.capacity != after.nodes.capacity:
        old, new = (_toml(lab.nodes.capacity) for lab in (before, after))
        yield Change("nodes.capacity", old, new, Effect.REFUSED, BY_ITSELF)


def continues(one: Sequence[object], other: Sequence[object]) -> bool:
    """Tell whether one of two lists begins with all of the other, in the same order."""
    return all(mine == its for mine, its in zip(one, other, strict=False))


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


PLAIN = ("description", "platform", "nodes", "monitor", "monitoring", "networks", "firewall")
"""Tables whose values are what the definition says of them."""


COME_AND_GO = ("services", "storage")
"""Rules about whole tables, whose value is their kind."""

PLACES = (
    "what stays keeps its place in the file, from which its names in the cluster follow: what "
    "comes is put last, and only the last goes"
)


@dataclass(frozen=True)
class _Value:
    """An effective value. `subject`: its key in RULES, and whose it is where several have one.

    `written` is what the file calls it; `kept` says why this one cannot change where others can.
    """

    subject: tuple[str, str]
    written: str
    value: Any
    kept: str = ""


_NOTHING = _Value(("", ""), "", None)


def _values(lab: Lab) -> Iterator[_Value]:
    tables = lab.model_dump(mode="json", by_alias=True, include={*PLAIN, "timing_table"})
    del tables["nodes"]["data_disk_mib"]
    settled = {key: why for each in lab.services for key, why in each.settings.settled.items()}
    for table, content in tables.items():
        if isinstance(content, dict):
            for name, value in content.items():
                key = f"{table}.{name}"
                yield _Value((key, ""), key, value, settled.get(key, ""))
        else:
            yield _Value((table, ""), table, content)
    yield _Value(("fencing.kind", ""), "fencing.kind", lab.fencing.kind)
    yield _Value(("quorum.kind", ""), "quorum.kind", lab.quorum)
    for service in lab.services:
        yield from _service(lab, service)
    for storage in lab.storage:
        name = f"storage.{storage.name}"
        yield _Value(("storage", storage.name), name, storage.settings.kind)
        if storage.replicated:
            yield _Value(("storage.nodes", storage.name), f"{name}.nodes", list(storage.nodes))
        kept = "" if storage.replicated else SHARED
        key = lab.key_of_size(storage)
        yield _Value(("storage.size_mib", storage.name), key, storage.size_mib, kept)


def _service(lab: Lab, service: Service) -> Iterator[_Value]:
    settings, name = service.settings, service.name
    yield _Value(("services", name), f"services.{name}", settings.kind)
    addresses = [str(address) for address in service.addresses]
    shown = {"addresses": addresses} if settings.everywhere else {"address": addresses[0]}
    rest = settings.model_dump(mode="json", exclude={"kind", "address", "addresses"})
    for key, value in (*shown.items(), *rest.items()):
        rule = "addresses" if key == "address" else key
        written, kept = lab.written(f"services.{name}.{key}"), settings.settled.get(key, "")
        yield _Value((f"services.{rule}", name), written, value, kept)


def _change(value: _Value, before: Any, after: Any, old: Lab, new: Lab) -> Change:
    rule, owner = value.subject
    found = value.kept or RULES[rule]
    if found is Effect.GROWN and after < before:
        found = KEPT
    if not value.kept and rule in LISTS and isinstance(before, list) and continues(before, after):
        longer, shorter = LISTS[rule]
        found = longer if len(after) > len(before) else shorter
    if rule == "services" and before and after:
        found = ANOTHER
    if callable(found):
        found = found(owner, old, new)
    effect, reason = (found, "") if isinstance(found, Effect) else (Effect.REFUSED, found)
    return Change(value.written, _toml(before), _toml(after), effect, reason, owner)


def _with_quorum(change: Change, before: Lab, after: Lab) -> Change:
    """Return the change, refused where so many nodes join that those who run are no quorum.

    Every vote is expected before anybody new has one; a device's counts for nothing meanwhile.
    """
    there, needed = len(before.nodes.names), after.votes // 2 + 1
    if change.effect is not Effect.JOINED or there >= needed:
        return change
    reason = (
        f"of {after.votes} votes then, {needed} are needed before anybody new has one, and the "
        f"nodes that are there have {there}: let fewer come at once"
    )
    return replace(change, effect=Effect.REFUSED, reason=reason)


def _toml(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
