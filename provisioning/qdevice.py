"""The quorum device: the monitor's vote, and the certificates that both sides show each other."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass

from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from provisioning.certificates import (
    AUTHORITY_NAME,
    NODE_NICKNAME,
    SERVER_NAME,
    SERVER_NICKNAME,
    issue,
)
from provisioning.corosync import LINKS
from provisioning.facts import NOTES, Facts, Unit
from provisioning.files import File, Link, script
from provisioning.secrets import Secrets
from provisioning.steps import Step
from provisioning.templates import render
from provisioning.units import AT_BOOT, FOLDER, link

NOTE = "quorum-certificates"
DROP_IN = f"{FOLDER}/corosync-qdevice.service.d/halab.conf"
AWAIT_MEMBERSHIP = "/usr/local/lib/halab/await-membership"
_DELIVERY = "/etc/corosync/halab-delivery"


@dataclass(frozen=True)
class _Side:
    """One end of the connection: whom its certificate names and where its database stands."""

    subject: str
    nickname: str
    database: str
    group: str


def _side(inventory: Inventory, machine: Machine) -> _Side:
    if machine.role is MachineRole.MONITOR:
        return _Side(SERVER_NAME, SERVER_NICKNAME, "/etc/corosync/qnetd/nssdb", "coroqnetd")
    # qnetd compares the name in a node's certificate with the cluster's name.
    return _Side(inventory.lab, NODE_NICKNAME, "/etc/corosync/qdevice/net/nssdb", "root")


def delivery(
    inventory: Inventory, machine: Machine, secrets: Secrets, facts: Facts
) -> tuple[File, ...]:
    """Describe the key and certificates to import; nothing when the machine has this lab's.

    The machine notes whose they are, and digests of the database that they were put into.
    """
    side = _side(inventory, machine)
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


def import_certificates(
    inventory: Inventory, machine: Machine, changed: frozenset[str]
) -> tuple[Step, ...]:
    """Put what was delivered into the NSS database of this machine's daemon."""
    if f"{_DELIVERY}/own.p12" not in changed:
        return ()
    side = _side(inventory, machine)
    words = (
        _DELIVERY,
        side.database,
        AUTHORITY_NAME,
        side.group,
        f"{NOTES}/{NOTE}",
    )
    command = f"set -- {shlex.join(words)}\n{script('import_certificates.sh')}"
    return (Step("quorum device certificates imported", command),)


def registration(inventory: Inventory) -> tuple[File, ...]:
    """Describe when a node's daemon registers the device: while no nodes are meeting.

    Corosync begins to gather a membership when it hears somebody new, which it does over a link
    that has just come up.
    """
    links = (
        f"stats.knet.node{node.number}.link{number}.connected"
        for node in inventory.nodes
        for number in LINKS
    )
    drop_in = render(
        "corosync-qdevice-drop-in.conf.j2",
        program=AWAIT_MEMBERSHIP,
        rest=inventory.timing.membership_rest_s,
        most=inventory.timing.membership_wait_s,
        statistics=["stats.srp.gather_entered", "stats.srp.operational_entered", *links],
    )
    return (
        File(AWAIT_MEMBERSHIP, script("await_membership.sh"), mode=0o755),
        File(DROP_IN, drop_in),
    )


def serving(machine: Machine) -> tuple[Link, ...]:
    """Make the monitor's daemon start at boot."""
    return (link(Unit.QNETD, AT_BOOT),) if machine.role is MachineRole.MONITOR else ()


def restart(facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make a node's daemon show certificates that were imported while it ran.

    The monitor's daemon must have its own by then.
    """
    if f"{_DELIVERY}/own.p12" not in changed or not facts.units[Unit.QDEVICE].active:
        return ()
    return (Step("quorum device joined again", "systemctl try-restart corosync-qdevice"),)


def start(facts: Facts, imported: bool) -> tuple[Step, ...]:
    """Make the monitor's daemon run with its present certificates."""
    if not imported and facts.units[Unit.QNETD].active:
        return ()
    return (Step("quorum device runs", "systemctl restart corosync-qnetd"),)
