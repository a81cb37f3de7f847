"""What people do: planned moves, and mistakes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from drills.faults.base import Fault, Scene, commands, repair_on, run_on
from parts.membership.corosync import CONFIGURATION

KEPT = f"{CONFIGURATION}.halab-fault"


def standby() -> Fault:
    """Send the targets into standby, as for maintenance; bring them back to heal."""

    def inject(scene: Scene) -> None:
        for machine in scene.targets:
            run_on(scene.others[0], f"crm_standby --node {machine.name} --update on")

    def heal(scene: Scene) -> None:
        for machine in scene.targets:
            repair_on(scene, scene.others[0], f"crm_standby --node {machine.name} --delete")

    return Fault(inject, heal)


def wrong_configuration(units: Sequence[str]) -> Fault:
    """Break corosync.conf and restart the cluster there, which cannot come back.

    `units` are what a member runs. Healing restores the file that was there and starts the cluster.
    """
    return commands(
        f"set -e; [ -e {KEPT} ] || cp -p {CONFIGURATION} {KEPT}; "
        f"sed -i 's/^totem {{/totem/' {CONFIGURATION}; "
        f"systemctl stop {shlex.join(units)}; "
        "! systemctl start corosync",
        f"if [ -e {KEPT} ]; then mv {KEPT} {CONFIGURATION}; "
        "systemctl reset-failed corosync 2>/dev/null; "
        "systemctl start corosync pacemaker; fi",
    )
