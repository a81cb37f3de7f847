"""The nodes' own votes and no third one: a quorum device that had it is given up."""

from __future__ import annotations

import shlex

from inventory.model import Machine
from labs.roles import MachineRole
from parts.base import Found
from parts.host import UNITS, Step
from parts.membership import corosync
from parts.quorum.base import QuorumPart
from parts.quorum.device import AWAIT_MEMBERSHIP, DAEMONS

GIVEN_UP = "quorum device given up"


class OwnVotes(QuorumPart):
    """Nothing to run; what a device left is switched off. Its certificates stay for another one."""

    def asked(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit that a device would have."""
        return (DAEMONS[role].unit,)

    def join(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Stop the device's server, or a node's daemon; corosync expects its vote no more by then.

        Before that the vote may be the one that those who stay live by.
        """
        unit = DAEMONS[machine.role].unit
        if not found[machine].unit(unit).there:
            return ()
        paths = (corosync.DROP_IN, AWAIT_MEMBERSHIP) if machine.role is MachineRole.NODE else ()
        return (_given_up(unit, *paths),)


def _given_up(unit: str, *paths: str) -> Step:
    gone = shlex.join((*paths, f"{UNITS}/{unit}.d"))
    command = f"systemctl disable --now {unit}\nrm -rf {gone}\nsystemctl daemon-reload"
    return Step(GIVEN_UP, command)
