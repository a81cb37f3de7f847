"""The quorum device: the monitor's vote, and the certificates that both sides show each other."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from parts.base import Found
from parts.certificates import (
    AUTHORITY_NAME,
    NODE_NICKNAME,
    SERVER_NAME,
    SERVER_NICKNAME,
    issue,
)
from parts.daemons import Daemon
from parts.host import (
    AT_BOOT,
    NOTES,
    PROGRAMS,
    UNITS,
    Entry,
    File,
    Step,
    program,
    render,
    unit_link,
)
from parts.membership.corosync import connections, is_behind
from parts.quorum.base import QuorumPart
from parts.secrets import Secrets
from parts.seen import Seen
from parts.watched import Column, Place, Watched, watched
from wire.corosync import QdeviceState, QuorumView

CLIENT, SERVER = "corosync-qdevice.service", "corosync-qnetd.service"
"""The units of a node and of the monitor."""

NOTE = "quorum-certificates"
DROP_IN = f"{UNITS}/{CLIENT}.d/halab.conf"
AWAIT_MEMBERSHIP = f"{PROGRAMS}/await-membership"
_DELIVERY = "/etc/corosync/halab-delivery"

DAEMONS = {
    # It ends well when corosync is asked to end, and would start that again.
    MachineRole.NODE: Daemon(CLIENT, restart="on-failure"),
    MachineRole.MONITOR: Daemon(SERVER),
}


@dataclass(frozen=True)
class _Side:
    """One end of the connection: whom its certificate names and where its database stands."""

    subject: str
    nickname: str
    database: str
    group: str


class Device(QuorumPart):
    """The device's server on the monitor, and on every node what registers with it."""

    kind = "device"
    # libnss3-tools has certutil.
    node_packages = ("corosync-qdevice", "libnss3-tools")
    monitor_packages = ("corosync-qnetd", "libnss3-tools")

    serves_alone = True

    @property
    def expected_votes(self) -> int:
        """How many votes there are when all is well: one a node, and the device's."""
        return super().expected_votes + 1

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the daemon's unit."""
        return (DAEMONS[role].unit,)

    def is_quorate(
        self, view: QuorumView, *, lost: Collection[str], back: Collection[str] = ()
    ) -> bool:
        """Tell whether nodes have a quorum once machines are lost, by name, and others are back.

        The device has a vote of its own as long as the monitor runs. Of two equal halves none is
        alive here, so that vote is with those who are left.
        """
        alive = self.alive(view, lost=lost, back=back)
        device = view.qdevice is QdeviceState.VOTING and self.inventory.monitor.name not in lost
        return bool(alive) and len(alive) + device > view.expected // 2

    def watched(self, role: MachineRole) -> tuple[str, ...]:
        """Return the daemon."""
        return (DAEMONS[role].unit.removesuffix(".service"),)

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell which node has no vote of the device."""
        for name, node in seen.reached.items():
            if node.quorum is None:
                continue
            if node.quorum.qdevice in (None, QdeviceState.ABSENT):
                yield f"{name} has no quorum device"
            elif node.quorum.qdevice is not QdeviceState.VOTING:
                yield f"the quorum device does not vote for {name}"

    def monitored(self) -> tuple[Watched, ...]:
        """Watch its vote for each node."""
        return (watched("device"),)

    def columns(self) -> tuple[Column, ...]:
        """Show its vote for each node."""
        return (Column(Place.VOTES, "Quorum device", "Quorum device"),)

    def daemons(self, role: MachineRole) -> tuple[Daemon, ...]:
        """Return the daemon."""
        return (DAEMONS[role],)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe how the daemons start.

        A node registers the device while no nodes are meeting. Corosync begins to gather a
        membership when it hears somebody new, which it does over a link that has just come up.
        """
        at_boot = unit_link(DAEMONS[machine.role].unit, AT_BOOT)
        if machine.role is MachineRole.MONITOR:
            return (at_boot,)
        links = connections(self.inventory.nodes)
        drop_in = render(
            "corosync-qdevice-drop-in.conf.j2",
            program=AWAIT_MEMBERSHIP,
            rest=self.timing.membership_rest_s,
            most=self.timing.membership_wait_s,
            statistics=["stats.srp.gather_entered", "stats.srp.operational_entered", *links],
        )
        return (
            at_boot,
            File(AWAIT_MEMBERSHIP, program("await_membership.sh"), mode=0o755),
            File(DROP_IN, drop_in),
        )

    def delivery(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[File, ...]:
        """Describe the key and certificates to import; nothing when the machine has this lab's.

        The machine notes whose they are, and digests of the database that they were put into.
        """
        side, facts = _side(self.inventory, machine), found[machine]
        digest = secrets.qnetd_authority.digest(side.subject)
        held = [
            f"{sum_}  {path}"
            for path, sum_ in sorted(facts.digests.items())
            if path.startswith(f"{side.database}/")
        ]
        if facts.notes.get(NOTE, "").splitlines() == [digest, *held]:
            return ()
        packed = base64.b64decode(issue(secrets.qnetd_authority, side.subject, side.nickname))
        return (
            File(f"{_DELIVERY}/own.p12", packed, mode=0o600),
            File(f"{_DELIVERY}/authority.pem", secrets.qnetd_authority.certificate, mode=0o600),
            File(f"{_DELIVERY}/digest", f"{digest}\n", mode=0o600),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Put what was delivered into the database of this machine's daemon.

        The monitor's daemon then runs with it; a node's starts with the membership.
        """
        steps: list[Step] = []
        imported = f"{_DELIVERY}/own.p12" in written
        if imported:
            side = _side(self.inventory, machine)
            note = f"{NOTES}/{NOTE}"
            words = (_DELIVERY, side.database, AUTHORITY_NAME, side.group, note)
            command = f"set -- {shlex.join(words)}\n{program('import_certificates.sh')}"
            steps.append(Step("quorum device certificates imported", command))
        serves = machine.role is MachineRole.MONITOR
        if serves and (imported or not found[machine].unit(SERVER).active):
            steps.append(Step("quorum device runs", "systemctl restart corosync-qnetd"))
        return tuple(steps)

    def join(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Start a node's daemon, or make it begin again with what was changed while it ran.

        The monitor's daemon must have its own by then. Nobody waits for the device, which waits for
        the membership to rest: nodes that are together have a quorum without it.
        """
        if machine.role is MachineRole.MONITOR:
            return ()
        if not (found[machine].unit(CLIENT).active and found[machine].is_member):
            command = "systemctl start --no-block corosync-qdevice"
            return (Step("quorum device called for", command),)
        if not (is_behind(found[machine], written) or f"{_DELIVERY}/own.p12" in written):
            return ()
        # Meanwhile the others have its vote: it registers when the membership rests.
        again = Step(
            "quorum device joined again",
            "systemctl try-restart corosync-qdevice",
            extra_s=self.timing.membership_wait_s,
            in_turn=True,
        )
        return (again,)


def _side(inventory: Inventory, machine: Machine) -> _Side:
    if machine.role is MachineRole.MONITOR:
        return _Side(SERVER_NAME, SERVER_NICKNAME, "/etc/corosync/qnetd/nssdb", "coroqnetd")
    # qnetd compares the name in a node's certificate with the cluster's name.
    return _Side(inventory.lab, NODE_NICKNAME, "/etc/corosync/qdevice/net/nssdb", "root")
