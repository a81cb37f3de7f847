"""What no drill does to a lab, and what its monitoring has to raise for it.

What people forget to take back, what dies quietly, and a lab in which nobody has a quorum. Each
story breaks several things at once, because some problems are raised only after minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from parts.all import Parts
from parts.fencing import base as fencing
from parts.quorum.device import CLIENT, SERVER
from status.problems import Alarm

Where = Literal["active", "standby", "others", "monitor"]
"""A node at which clients find the first service, the first of the other nodes, all of them, or the
monitor."""


@dataclass(frozen=True)
class Hurt:
    """Shell text that breaks something on machines, the text that heals it, and what is told."""

    where: Where
    breaks: str
    heals: str
    alarms: frozenset[Alarm]


Story = Callable[[Parts], tuple[Hurt, ...]]


def hurt(where: Where, breaks: str, heals: str, *alarms: Alarm) -> Hurt:
    return Hurt(where, breaks, heals, frozenset(alarms))


def forgotten(parts: Parts) -> tuple[Hurt, ...]:
    """What people forget to take back."""
    service = parts.first_service.service
    user = next(iter(service.address_ids)) if service.everywhere else service.group
    watchdog = hurt(
        "standby",
        "mv /dev/watchdog /dev/watchdog-away",
        "mv /dev/watchdog-away /dev/watchdog",
        Alarm.WATCHDOG_MISSING,
    )
    return (
        hurt(
            "active",
            "crm_attribute --name maintenance-mode --update true",
            "crm_attribute --name maintenance-mode --delete",
            Alarm.MAINTENANCE,
        ),
        hurt(
            "active",
            "crm_attribute --name stonith-enabled --update false",
            "crm_attribute --name stonith-enabled --update true",
            Alarm.FENCING_DISABLED,
        ),
        *((watchdog,) if parts.inventory.fencing_disk else ()),
        hurt(
            "standby",
            "systemctl stop chrony",
            "systemctl start chrony",
            Alarm.CLOCK_UNSYNCHRONISED,
        ),
        hurt(
            "standby",
            f"crm_resource --ban --resource {user} --node $(uname -n)",
            f"crm_resource --clear --resource {user} --node $(uname -n)",
            Alarm.BAN_LEFT,
        ),
    )


def deaf(parts: Parts) -> tuple[Hurt, ...]:
    """Nobody tells any more how the lab is."""
    stop = "systemctl stop halab-cluster-status.timer"
    start = "systemctl start halab-cluster-status.timer"
    return (
        hurt(
            "standby",
            "systemctl stop zabbix-agent2",
            "systemctl start zabbix-agent2",
            Alarm.SILENT,
        ),
        hurt("active", stop, start, Alarm.COLLECTOR_STOPPED),
        hurt("others", stop, start, Alarm.CLUSTER_SILENT),
    )


def stopped(parts: Parts) -> tuple[Hurt, ...]:
    """Nobody serves, because somebody wants it so: no data are promoted, or nothing is started."""
    service = parts.first_service.service
    storage = parts.first_service.storage
    replicated = storage is not None and storage.replicated
    what, role = (
        (storage.clone, "Unpromoted") if storage and replicated else (service.group, "Stopped")
    )
    told = (Alarm.PROMOTED_NOT_ONE,) if replicated else ()
    return (
        hurt(
            "active",
            _set(what, "target-role", role),
            _forget(what, "target-role"),
            *told,
            Alarm.RESOURCE_STOPPED,
            Alarm.SERVICE_UNREACHABLE,
        ),
    )


def unmanaged(parts: Parts) -> tuple[Hurt, ...]:
    """The cluster may do nothing for a service, and cannot fence anybody."""
    service = parts.first_service.service
    what = service.group if service.everywhere else service.resource
    return (
        hurt(
            "active",
            _set(what, "is-managed", "false"),
            _forget(what, "is-managed"),
            Alarm.RESOURCE_BLOCKED,
        ),
        # Whoever cannot be fenced: the attempt fails, and is told until somebody forgets it.
        hurt(
            "active",
            f"{_set(fencing.CLONE, 'target-role', 'Stopped')}; crm_resource --wait --timeout 60; "
            "! stonith_admin --reboot "
            "$(crm_node --list | awk -v me=$(uname -n) '$2 != me {print $2; exit}')",
            f"{_forget(fencing.CLONE, 'target-role')}; stonith_admin --cleanup --history='*'",
            Alarm.FENCING_FAILED,
        ),
    )


def alone(parts: Parts) -> tuple[Hurt, ...]:
    """A node has lost all others, and whatever else it could go on by."""
    device = parts.inventory.quorum == "device"
    # Who has seen the other goes on without it, and who starts anew waits for it.
    anew = f"{parts.leaving}\n{parts.joining}" if parts.quorum.waits_for_all else "true"
    client = f" {CLIENT}" if device else ""
    arbiter = hurt(
        "monitor", f"systemctl stop {SERVER}", f"systemctl start {SERVER}", Alarm.QDEVICE_LOST
    )
    return (
        *((arbiter,) if device else ()),
        hurt(
            "others",
            f"systemctl stop pacemaker{client} corosync",
            f"systemctl start corosync{client} pacemaker",
            Alarm.PACEMAKER_DOWN,
        ),
        hurt("active", anew, "true", Alarm.QUORUM_LOST, Alarm.SERVICE_UNREACHABLE),
    )


LONG: dict[str, Story] = {
    "forgotten": forgotten,
    "deaf": deaf,
    "unmanaged": unmanaged,
    "stopped": stopped,
}
"""The stories that are long, by their names."""


def every_hurt(parts: Parts) -> tuple[Hurt, ...]:
    """Return what all stories of a lab do to it."""
    return tuple(each for story in (*LONG.values(), alone) for each in story(parts))


def _set(resource: str, name: str, value: str) -> str:
    words = f"--set-parameter {name} --parameter-value {value}"
    return f"crm_resource --resource {resource} --meta {words}"


def _forget(resource: str, name: str) -> str:
    return f"crm_resource --resource {resource} --meta --delete-parameter {name}"
