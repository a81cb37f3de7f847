"""Processes that die in a machine that lives: the cluster's own, and those of the service."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import node_lost, restarted_in_place, unnoticed
from drills.faults import processes
from parts.services import nginx
from provisioning.nginx import PID_FILE

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
    Drill(
        name="service-killed",
        title="The web server dies",
        teaches="The monitor's interval is the outage; the cluster repairs in place.",
        watch="crm_mon --failcounts: one failure of web, and a start.",
        by_hand="crm_resource --cleanup --resource web",
        only="active",
        fault=processes.service_killed("nginx", nginx.PRIMITIVE),
        expects=restarted_in_place,
    ),
    Drill(
        name="service-master-killed",
        title="The web server's master process dies, its workers live on",
        teaches="What is left of a dead server is ended first, so that it can start where it was.",
        watch="crm_mon --failcounts: one failure of web, and a start on the same node.",
        by_hand="crm_resource --cleanup --resource web",
        only="active",
        fault=processes.master_killed(PID_FILE, nginx.PRIMITIVE),
        expects=restarted_in_place,
    ),
    Drill(
        name="resource-failed",
        title="A resource is reported as failed",
        teaches="What the cluster does about a monitor's bad news, without waiting for it.",
        watch="crm_mon --failcounts.",
        by_hand="crm_resource --cleanup --resource web",
        only="active",
        fault=processes.resource_failed(nginx.PRIMITIVE),
        expects=restarted_in_place,
    ),
)
