"""Nodes that leave the cluster in good order, and in which order they come back."""

from __future__ import annotations

from drills.faults.base import Fault, Scene, on_targets, repair_on, run_on
from inventory.model import Machine
from provisioning.drbd import RESOURCE

REJOINS = 3
"""How often a node joins within one drill. What happens at a join depends on split seconds."""

STOP = "systemctl stop pacemaker && systemctl stop corosync-qdevice corosync"
START = "systemctl start corosync pacemaker"


def rejoined() -> Fault:
    """Stop the cluster on the targets, then let their membership and quorum device join and leave.

    Healing starts the whole cluster there.
    """

    def come_and_go(scene: Scene, machine: Machine) -> None:
        timing = scene.inventory.timing
        again = (
            "systemctl start corosync corosync-qdevice\nsystemctl stop corosync-qdevice corosync"
        )
        command = "\n".join(("set -e", STOP, *[again] * REJOINS))
        patience = timing.stop_wait_s + REJOINS * (timing.stop_wait_s + timing.membership_wait_s)
        run_on(machine, command, timeout=patience)

    return Fault(
        inject=on_targets(come_and_go),
        heal=on_targets(lambda scene, machine: repair_on(scene, machine, START)),
    )


def stale_first() -> Fault:
    """Stop the cluster on the active node, then on the others; start it on the first one alone.

    The others have the newer data by then. Healing starts the cluster on them.
    """

    def inject(scene: Scene) -> None:
        patience = scene.inventory.timing.stop_wait_s
        stale, *others = sorted(scene.targets, key=_stands_by)
        for machine in (stale, *others):
            run_on(machine, STOP, timeout=patience)
        run_on(stale, START, timeout=patience)

    def heal(scene: Scene) -> None:
        for machine in scene.targets:
            repair_on(scene, machine, START)

    return Fault(inject, heal)


def _stands_by(machine: Machine) -> bool:
    return run_on(machine, f"drbdadm role {RESOURCE}").strip().startswith("Secondary")
