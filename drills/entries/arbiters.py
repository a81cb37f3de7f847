"""What decides who lives is lost: the vote outside, the disk that fences."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import unnoticed
from drills.faults import quorum, storage
from labs.roles import MachineRole
from status.problems import Alarm

DEVICE = (
    Drill(
        name="quorum-device-lost",
        title="The quorum device is lost",
        teaches="The third vote may go: two nodes are still quorate, and nothing moves.",
        watch="corosync-quorumtool -s: Qdevice votes no more.",
        by_hand="systemctl start corosync-qnetd on the monitor",
        fault=quorum.device_lost(),
        expects=unnoticed(
            r"^service corosync-qnetd on \S+ is inactive$", alarms=(Alarm.QDEVICE_LOST,)
        ),
        target="monitor",
        role=MachineRole.MONITOR,
        hold_s=SETTLE_S,
    ),
)
"""For labs whose quorum has a vote from the monitor."""

DISK = (
    Drill(
        name="fencing-disk-lost",
        title="A node loses the fencing disk",
        teaches="Without its disk a node lives on while the cluster vouches for it.",
        watch="journalctl --unit sbd: the disk is not healthy, pacemaker is.",
        by_hand="Plug the disk in again.",
        fault=storage.disk_pulled("sbd"),
        expects=unnoticed(
            r"cannot read the fencing disk$",
            allowed_news=("disk trouble", "input/output error"),
            alarms=(Alarm.SBD_DISK_UNREADABLE,),
        ),
        hold_s=SETTLE_S,
    ),
)
"""For labs that are fenced by a disk."""
