"""One look at one machine: the script that reads it all in one round trip, and what it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from ipaddress import IPv4Address

from labs.roles import MachineRole
from parts.all import Parts
from parts.seen import LIMITED, MonitorSeen, NodeSeen
from wire.cib import CIB_COMMAND, parse_deeds
from wire.corosync import LINKS_COMMAND, QUORUM_COMMAND, parse_links, parse_quorum
from wire.pacemaker import CLUSTER_COMMAND, parse_cluster
from wire.system import (
    ADDRESSES_COMMAND,
    ROOM_COMMAND,
    parse_addresses,
    parse_mounts,
    parse_room,
    parse_units,
)

BOOT_ID_COMMAND = "read -r id </proc/sys/kernel/random/boot_id; echo $id"
"""No program, which costs an emulated guest a tenth of a second."""

_MARK = "@@halab"


def node_script(parts: Parts) -> str:
    """Return the shell text that reads a cluster node.

    Every program costs 0.1 to 1 s in an emulated guest, so the kernel is read by one `cat`.
    """
    return _script(
        {
            "boot": BOOT_ID_COMMAND,
            "cluster": f"{LIMITED} {CLUSTER_COMMAND}",
            "cib": CIB_COMMAND,
            "quorum": f"{LIMITED} {QUORUM_COMMAND}",
            "links": f"{LIMITED} {LINKS_COMMAND}",
            "addresses": ADDRESSES_COMMAND,
            "mounts": "cat /proc/mounts",
            "room": ROOM_COMMAND,
            "units": _units_command(parts, MachineRole.NODE),
            **_own_readings(parts),
        }
    )


def monitor_script(parts: Parts) -> str:
    """Return the shell text that reads the monitor."""
    return _script(
        {
            "boot": BOOT_ID_COMMAND,
            "units": _units_command(parts, MachineRole.MONITOR),
            "room": ROOM_COMMAND,
            "answering": _questions(parts),
        }
    )


def answers_script(parts: Parts) -> str:
    """Return the shell text by which the monitor asks for all services, and nothing else."""
    return _script({"answering": _questions(parts)})


def parse_node(parts: Parts, text: str) -> NodeSeen:
    """Read the output of `node_script`."""
    found = _sections(text)
    return NodeSeen(
        boot_id=found["boot"].strip(),
        cluster=parse_cluster(found["cluster"]),
        quorum=parse_quorum(found["quorum"]),
        links=parse_links(found["links"]),
        addresses=parse_addresses(found["addresses"]),
        mounts=parse_mounts(found["mounts"]),
        units=parse_units(found["units"], watched_units(parts, MachineRole.NODE)),
        deeds=parse_deeds(found["cib"]),
        room=parse_room(found["room"]),
        told={name: found[name] for name in _own_readings(parts)},
    )


def parse_monitor(parts: Parts, text: str) -> MonitorSeen:
    """Read the output of `monitor_script`."""
    found = _sections(text)
    return MonitorSeen(
        boot_id=found["boot"].strip(),
        units=parse_units(found["units"], watched_units(parts, MachineRole.MONITOR)),
        answering=_answering(found),
        room=parse_room(found["room"]),
    )


def parse_answers(text: str) -> frozenset[IPv4Address]:
    """Return which addresses answer, from the output of `answers_script`."""
    return _answering(_sections(text))


def watched_units(parts: Parts, role: MachineRole) -> tuple[str, ...]:
    """Return the services whose state makes a machine of this role healthy or not."""
    return tuple(unit for part in parts.on(role) for unit in part.watched(role))


def _units_command(parts: Parts, role: MachineRole) -> str:
    # Asked for nothing, it would tell of everything.
    units = watched_units(parts, role)
    return f"systemctl is-active {shlex.join(units)}" if units else "true"


def _questions(parts: Parts) -> str:
    questions = (
        f"if {part.question(address.ip)}; then echo {address.ip}; fi"
        for part in parts.services.values()
        for address in part.service.addresses
    )
    return f"{{ {'; '.join(questions)}; }}"


def _answering(found: Mapping[str, str]) -> frozenset[IPv4Address]:
    return frozenset(map(IPv4Address, found["answering"].split()))


def _own_readings(parts: Parts) -> dict[str, str]:
    return {name: text for part in parts.every for name, text in part.readings().items()}


def _script(commands: dict[str, str]) -> str:
    lines = [f"echo '{_MARK} {name}'; {command} 2>/dev/null" for name, command in commands.items()]
    # A tool that ends without a newline must not swallow the next mark.
    return "\necho\n".join([*lines, "true"])


def _sections(text: str) -> dict[str, str]:
    parts = re.split(rf"^{_MARK} (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
