"""Open problems: what the monitoring complains about at the moment.

For one look: `open_problems`. For many, `ProblemReader` keeps its connection and its login, which
cost an emulated monitor several seconds.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from enum import StrEnum
from typing import Any

from core.errors import HalabError
from inventory.frozen import Frozen
from inventory.model import Inventory
from machines.remote import Remote, RemoteUnreachable
from parts.secrets import Secrets
from provisioning.zabbix.api import Api, MonitoringRefused, MonitoringUnreachable, session


class Alarm(StrEnum):
    """What a problem is about, whatever its wording: the tag of its trigger."""

    SILENT = "silent"
    CLOCK_OFFSET = "clock-offset"
    CLOCK_UNSYNCHRONISED = "clock-unsynchronised"
    ROOT_FILESYSTEM_FULL = "root-filesystem-full"
    COLLECTOR_STOPPED = "collector-stopped"
    PACEMAKER_DOWN = "pacemaker-down"
    QUORUM_LOST = "quorum-lost"
    QDEVICE_LOST = "qdevice-lost"
    LINK_DOWN = "link-down"
    SERVICE_CABLE_LOST = "service-cable-lost"
    REPLICATION_DISCONNECTED = "replication-disconnected"
    REPLICATION_STANDALONE = "replication-standalone"
    DISK_NOT_UPTODATE = "disk-not-uptodate"
    OUT_OF_SYNC = "out-of-sync"
    SHARED_DISK_LOST = "shared-disk-lost"
    SBD_DISK_UNREADABLE = "sbd-disk-unreadable"
    WATCHDOG_MISSING = "watchdog-missing"
    NODE_LOST = "node-lost"
    NODE_STANDBY = "node-standby"
    FENCED = "fenced"
    FENCING_FAILED = "fencing-failed"
    FENCING_DISABLED = "fencing-disabled"
    CLUSTER_SILENT = "cluster-silent"
    PROMOTED_NOT_ONE = "promoted-not-one"
    SERVERS_MISSING = "servers-missing"
    MAINTENANCE = "maintenance"
    RESOURCE_FAILED = "resource-failed"
    RESOURCE_STOPPED = "resource-stopped"
    RESOURCE_BLOCKED = "resource-blocked"
    BAN_LEFT = "ban-left"
    SERVICE_UNREACHABLE = "service-unreachable"
    OTHER = "other"
    """Of a trigger that somebody else made."""


class Severity(StrEnum):
    """Zabbix's severities, from the least to the greatest."""

    NOT_CLASSIFIED = "not classified"
    INFORMATION = "information"
    WARNING = "warning"
    AVERAGE = "average"
    HIGH = "high"
    DISASTER = "disaster"

    @property
    def rank(self) -> int:
        """The number by which the API knows it."""
        return list(Severity).index(self)


class Problem(Frozen):
    """Something that is wrong now. `host` is a machine's name, or the lab's with ".cluster"."""

    alarm: Alarm
    name: str
    host: str
    severity: Severity
    since: datetime.datetime


def open_problems(inventory: Inventory, secrets: Secrets) -> tuple[Problem, ...]:
    """Ask the monitoring once; the gravest problem first, nothing for a lab without monitoring.

    Raises MonitoringUnreachable when it does not answer: that is not the same as no problem.
    """
    if inventory.monitoring is None:
        return ()
    with ProblemReader(inventory, secrets) as reader:
        return reader.read()


class Report(Frozen):
    """A moment at which the monitoring raised a problem, or saw it end.

    `at` is in seconds since 1970 on the monitor's clock.
    """

    at: float
    alarm: Alarm
    name: str
    host: str
    raised: bool


class ProblemReader:
    """Asks the monitoring again and again. Not for several threads at once."""

    def __init__(self, inventory: Inventory, secrets: Secrets) -> None:
        self._inventory = inventory
        self._secrets = secrets
        self._stack = ExitStack()
        self._api: Api | None = None

    def __enter__(self) -> ProblemReader:
        """Return this reader; leaving the block logs out."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        self.close()

    def reports(self, since: float) -> tuple[Report, ...]:
        """Return what was raised and what ended since then (monitor's clock, seconds since 1970).

        A problem that came and went between two looks is among them. Raises
        MonitoringUnreachable.
        """
        events = self._ask(
            "event.get",
            output=["clock", "ns", "name", "value"],
            time_from=int(since),
            # Triggers' own events: 0 stands for triggers twice.
            source=0,
            object=0,
            selectHosts=["host"],
            selectTags="extend",
            sortfield=["clock", "eventid"],
        )
        return tuple(_report(event) for event in events)

    def close(self) -> None:
        """End the session; the next reading makes a new one."""
        self._api = None
        # A session that is lost cannot be ended; Zabbix forgets it by itself.
        with suppress(HalabError):
            self._stack.close()
        self._stack = ExitStack()

    def read(self) -> tuple[Problem, ...]:
        """Return what is wrong now, the gravest first; raises MonitoringUnreachable."""
        found = self._ask(
            "trigger.get",
            output=["description", "priority", "lastchange"],
            filter={"value": 1},
            monitored=True,
            skipDependent=True,
            expandDescription=True,
            selectHosts=["host"],
            selectTags="extend",
        )
        problems = [_problem(trigger) for trigger in found]
        return tuple(sorted(problems, key=lambda p: (-p.severity.rank, p.since, p.name)))

    def _ask(self, method: str, **parameters: Any) -> list[dict[str, Any]]:
        try:
            if self._api is None:
                remote = self._stack.enter_context(Remote(self._inventory.monitor))
                entered = session(remote, self._inventory, self._secrets)
                self._api = self._stack.enter_context(entered)
            found: list[dict[str, Any]] = self._api.call(method, **parameters)
        except (RemoteUnreachable, MonitoringRefused, MonitoringUnreachable) as error:
            self.close()
            raise MonitoringUnreachable(error.message, hint=error.hint) from error
        return found


def clearing_s(inventory: Inventory) -> float:
    """Return within how many seconds the monitoring has to see that what was wrong is not any more.

    Three of its readings, because the one in progress may be as old as it takes and an answer may
    be late; the rest is for a busy monitor.
    """
    return 3.0 * inventory.observe_every_s + 60.0


def _report(event: Mapping[str, Any]) -> Report:
    return Report(
        at=int(event["clock"]) + int(event["ns"]) / 1e9,
        alarm=_alarm(event["tags"]),
        name=event["name"],
        host=event["hosts"][0]["host"] if event["hosts"] else "",
        raised=event["value"] == "1",
    )


def _alarm(tags: Iterable[Mapping[str, str]]) -> Alarm:
    found = {tag["tag"]: tag["value"] for tag in tags}.get("alarm", "")
    return Alarm(found) if found in set(Alarm) else Alarm.OTHER


def _problem(trigger: Mapping[str, Any]) -> Problem:
    return Problem(
        alarm=_alarm(trigger["tags"]),
        name=trigger["description"],
        host=trigger["hosts"][0]["host"],
        severity=list(Severity)[int(trigger["priority"])],
        since=datetime.datetime.fromtimestamp(int(trigger["lastchange"]), datetime.UTC),
    )
