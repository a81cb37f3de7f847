"""Room on a node's root disk that nobody else can fill, for what the cluster must write to go on.

A filesystem in a file that was written out once; corosync and Pacemaker reach it by links.
"""

from __future__ import annotations

from inventory.model import Machine
from provisioning.drbd import HANDLERS
from provisioning.facts import NOTES, Facts, Unit
from provisioning.files import File, Link, script
from provisioning.steps import Step
from provisioning.templates import render
from provisioning.units import FOLDER

PROGRAM = f"{HANDLERS}/reserve"
SERVICE = f"{FOLDER}/{Unit.RESERVE}"
PLACE = f"{NOTES}/reserve"

USERS = (Unit.COROSYNC, Unit.PACEMAKER)
"""Who does not start without it: on an old configuration a node must not join."""


def files(machine: Machine) -> tuple[File | Link, ...]:
    """Describe the program that makes and mounts the room, and who needs it at boot."""
    service = render(
        "reserve.service.j2",
        folder=NOTES,
        users=USERS,
        program=PROGRAM,
        number=machine.number,
        place=PLACE,
    )
    return (
        File(PROGRAM, script("reserve.sh"), mode=0o755),
        File(SERVICE, service),
        *(Link(f"{FOLDER}/{unit}.requires/{Unit.RESERVE}", SERVICE) for unit in USERS),
    )


def start(facts: Facts) -> tuple[Step, ...]:
    """Make the room and move into it what is there already; running daemons do not mind."""
    if facts.units[Unit.RESERVE].active:
        return ()
    return (Step("room for the cluster's state kept", f"systemctl start {Unit.RESERVE}"),)
