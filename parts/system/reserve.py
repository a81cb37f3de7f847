"""Room on a node's root disk that nobody else can fill, for what the cluster must write to go on.

A filesystem in a file that was written out once; corosync and Pacemaker reach it by links.
"""

from __future__ import annotations

from inventory.model import Machine
from labs.roles import MachineRole
from parts.base import Found, Part
from parts.facts import COROSYNC, PACEMAKER
from parts.host import NOTES, PROGRAMS, UNITS, Entry, File, Link, Step, program, render
from parts.secrets import Secrets

UNIT = "halab-reserve.service"
PROGRAM = f"{PROGRAMS}/reserve"
SERVICE = f"{UNITS}/{UNIT}"
PLACE = f"{NOTES}/reserve"

USERS = (COROSYNC, PACEMAKER)
"""Who does not start without it: on an old configuration a node must not join."""


class Reserve(Part):
    """The room on every node."""

    node_packages = ("e2fsprogs",)

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit that mounts it."""
        return (UNIT,)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the program that makes and mounts the room, and who needs it at boot."""
        service = render(
            "reserve.service.j2",
            description="Room for the cluster's state that nobody else can fill",
            folder=NOTES,
            users=USERS,
            command=f"{PROGRAM} {machine.number}",
            place=PLACE,
        )
        return (
            File(PROGRAM, program("reserve.sh"), mode=0o755),
            File(SERVICE, service),
            *(Link(f"{UNITS}/{unit}.requires/{UNIT}", SERVICE) for unit in USERS),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make the room and move into it what is there already; running daemons do not mind."""
        if found[machine].unit(UNIT).active:
            return ()
        return (Step("room for the cluster's state kept", f"systemctl start {UNIT}"),)
