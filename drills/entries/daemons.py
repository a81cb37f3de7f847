"""Processes of the cluster's own that die in a machine that lives."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import node_lost, unnoticed
from drills.faults import processes

ENTRIES = (
    Drill(
        name="corosync-killed",
        title="Corosync dies and stays dead",
        teaches="A node without membership is fenced, whether it serves on or takes itself down.",
        watch="The node's console: whether its own Pacemaker or the survivor was first.",
        by_hand="Nothing: the node is reset.",
        fault=processes.corosync_killed(),
        expects=node_lost(),
    ),
    Drill(
        name="pacemakerd-killed",
        title="Pacemaker's master process dies",
        teaches="systemd brings it back, it adopts the daemons that live on: nothing stops.",
        watch="systemctl status pacemaker: a new main process, the same daemons.",
        by_hand="systemctl start pacemaker",
        fault=processes.pacemakerd_killed(),
        expects=unnoticed(),
        hold_s=SETTLE_S,
    ),
    Drill(
        name="executor-killed",
        title="Pacemaker's executor dies",
        teaches="Half a cluster manager is worse than none: the node takes itself down.",
        watch="The node's console: it resets at once, by PCMK_fail_fast in /etc/default/pacemaker.",
        by_hand="Nothing: the node is reset.",
        fault=processes.vital_killed("pacemaker-execd"),
        expects=node_lost(),
    ),
)

SBD = (
    Drill(
        name="sbd-killed",
        title="Every process of sbd is killed",
        teaches="A node that cannot be fenced any more takes itself down.",
        watch="The node's console: it resets within seconds.",
        by_hand="Nothing: the node resets itself.",
        fault=processes.vital_killed("sbd"),
        expects=node_lost(),
    ),
    Drill(
        name="sbd-stopped",
        title="Every process of sbd is stopped",
        teaches="Nobody pats the watchdog: the hardware resets the node.",
        watch="The hypervisor's watchdog event, watchdog_s after the last pat.",
        by_hand="Nothing: the watchdog resets it.",
        fault=processes.sbd_stopped(),
        expects=node_lost(),
    ),
)
"""For labs that are fenced by a disk: nodes have the daemon that reads it."""
