"""Every fault for a lab: how it is made, what it teaches, and what has to happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import HalabError
from drills import partitions
from drills.expectations import (
    Expectation,
    all_lost,
    but,
    cut_off,
    disk_lost,
    frozen,
    hiccup,
    no_room_left,
    node_lost,
    partition,
    planned_move,
    replication_lost,
    restarted_in_place,
    served_alone,
    stale_alone,
    unnoticed,
)
from drills.faults import (
    cables,
    clock,
    departure,
    operator,
    power,
    pressure,
    processes,
    quality,
    quorum,
    replication,
    storage,
)
from drills.faults.base import Fault, Scene
from drills.faults.partition import partitioned
from drills.partitions import Shape
from labs.roles import MachineRole, NetworkRole
from parts.services import nginx
from provisioning.nginx import PID_FILE
from status.problems import Alarm

SETTLE_S = 15.0
"""Seconds that a fault which nobody may notice is held at least: DRBD needs 13 to miss its peer."""


@dataclass(frozen=True)
class Drill:
    """One fault of the catalogue.

    `target` is who is hit unless a person says otherwise; `role` the kind of machine that can be,
    `only` says that it has to be the active node or that it must not; `most` how many at once.
    `hold_s`: seconds that the fault is held at least. `watch`: where to
    look while it runs. `by_hand`: how a person heals it without halab.
    """

    name: str
    title: str
    teaches: str
    watch: str
    by_hand: str
    fault: Fault
    expects: Expectation
    target: str = "active"
    role: MachineRole = MachineRole.NODE
    only: Literal["active", "standby"] | None = None
    most: int = 1
    hold_s: float = 0.0


def _isolate(scene: Scene) -> Shape:
    nodes = [node.name for node in scene.inventory.nodes]
    return partitions.isolated(nodes, *(machine.name for machine in scene.targets))


def _deafen(scene: Scene) -> Shape:
    nodes = [node.name for node in scene.inventory.nodes]
    return partitions.one_way(nodes, *(machine.name for machine in scene.targets))


def _link_down(letter: str, network: NetworkRole, number: int) -> Drill:
    return Drill(
        name=f"link-{letter}-down",
        title=f"Cluster link {number} is unplugged",
        teaches="Membership has two links and replication a bond over both: one cable is no event.",
        watch="corosync-cfgtool -s shows the link down, /proc/drbd stays Connected.",
        by_hand="Plug the cable in again.",
        fault=cables.unplugged(network),
        expects=unnoticed(
            rf"^cluster link {number} from \S+ to \S+ is down$", alarms=(Alarm.LINK_DOWN,)
        ),
        hold_s=SETTLE_S,
    )


def _bad_network(name: str, title: str, teaches: str, netem: str) -> Drill:
    return Drill(
        name=name,
        title=title,
        teaches=teaches,
        watch="corosync-cmapctl -m stats shows retransmits; the service answers on.",
        by_hand="tc qdisc delete dev cla root; tc qdisc delete dev clb root",
        fault=quality.disturbed(netem),
        expects=unnoticed(),
        hold_s=2 * SETTLE_S,
    )


_ENTRIES = (
    Drill(
        name="power-off",
        title="A node loses its power",
        teaches="The whole chain: detection, fencing before takeover, promotion, start.",
        watch="crm_mon on the survivor: UNCLEAN, fencing, promotion, start.",
        by_hand="Give the power back: virsh start.",
        fault=power.off(),
        expects=node_lost(),
    ),
    Drill(
        name="reset",
        title="A node's reset button is pressed",
        teaches="A node that boots quickly must not come back before it was fenced.",
        watch="The fencing disk's slot of the node while it boots: sbd -d DISK list.",
        by_hand="Nothing: it boots by itself.",
        fault=power.reset(),
        expects=node_lost(),
    ),
    Drill(
        name="hang",
        title="A node's kernel panics and stands still",
        teaches="What the watchdog is for: nobody is left in that node who could fence it.",
        watch="The node's console, and the watchdog event of the hypervisor.",
        by_hand="Nothing: the watchdog resets it.",
        fault=power.panic(),
        expects=node_lost(allowed_news=("kernel trouble",)),
    ),
    Drill(
        name="freeze",
        title="A node stands still for longer than its fencing takes, then goes on",
        teaches="The stale primary answers until its watchdog bites, and no write is lost.",
        watch="Who answers for the service address when the frozen node goes on.",
        by_hand="virsh resume; the watchdog resets the node.",
        fault=power.freeze(),
        expects=frozen,
    ),
    Drill(
        name="stall",
        title="A node stands still for two thirds of the token's time",
        teaches="The token's patience: a hiccup is not a failure.",
        watch="journalctl --unit corosync: at most a word about a late token.",
        by_hand="virsh resume.",
        fault=power.stall(),
        expects=hiccup,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="blackout",
        title="All nodes lose their power and come back one after the other",
        teaches="A cold start without fencing each other, and without a lost write.",
        watch="crm_mon: the election, startup fencing that does not happen.",
        by_hand="Start all nodes within dc-deadtime of each other.",
        fault=power.blackout(),
        expects=all_lost,
        target="all",
        most=99,
    ),
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
    _link_down("a", NetworkRole.CLUSTER_A, 0),
    _link_down("b", NetworkRole.CLUSTER_B, 1),
    Drill(
        name="service-cable-lost",
        title="The service network is unplugged at a node",
        teaches="A node in the best of health that no client reaches: the service has to leave it.",
        watch="crm_mon --show-node-attributes: service-cable is 0, the service moves.",
        by_hand="Plug the cable in again.",
        fault=cables.unplugged(NetworkRole.SERVICE),
        expects=cut_off,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="links-down",
        title="Both cluster links are unplugged at a node",
        teaches="Two halves, one vote outside: the quorum device decides who lives.",
        watch="corosync-quorumtool on both: only one side is quorate.",
        by_hand="Plug the cables in again.",
        fault=cables.unplugged(*cables.CLUSTER),
        expects=partition,
    ),
    Drill(
        name="partition",
        title="A node and the others do not hear each other",
        teaches="The same split by packet filters: cables and carriers look healthy.",
        watch="corosync-cfgtool -s: links down, ip link: up.",
        by_hand="nft delete table inet halab_fault_partition",
        fault=partitioned(_isolate),
        expects=partition,
    ),
    Drill(
        name="partition-one-way",
        title="A node hears nothing but is heard",
        teaches="Asymmetric failures: both sides must come to the same end.",
        watch="corosync-cfgtool -s on both sides.",
        by_hand="nft delete table inet halab_fault_partition",
        fault=partitioned(_deafen),
        expects=partition,
    ),
    _bad_network(
        "packet-loss",
        "A node's cluster links lose a tenth of their packets",
        "Retransmits: totem and replication get through, later.",
        "loss 10%",
    ),
    _bad_network(
        "packet-delay",
        "A node's cluster links are 100 ms late, more or less",
        "Latency is not loss: timeouts, not round trips, decide about membership.",
        "delay 100ms 20ms",
    ),
    _bad_network(
        "packet-duplication",
        "A node's cluster links double a fifth of their packets",
        "Sequence numbers: what comes twice counts once.",
        "duplicate 20%",
    ),
    _bad_network(
        "packet-reordering",
        "A node's cluster links deliver packets out of order",
        "Ordered delivery is made above the network.",
        "delay 20ms reorder 25% 50%",
    ),
    _bad_network(
        "packet-rate",
        "A node's cluster links carry two megabits a second",
        "Membership shares the wire with replication and must not starve.",
        "rate 2mbit",
    ),
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
    Drill(
        name="fencing-disk-lost",
        title="A node loses the fencing disk",
        teaches="Without its disk a node lives on while the cluster vouches for it.",
        watch="journalctl --unit sbd: the disk is not healthy, pacemaker is.",
        by_hand="Plug the disk in again.",
        fault=storage.disk_pulled("sbd"),
        expects=unnoticed(
            r"cannot read the fencing disk$",
            allowed_news=("input/output error",),
            alarms=(Alarm.SBD_DISK_UNREADABLE,),
        ),
        hold_s=SETTLE_S,
    ),
    Drill(
        name="data-disk-lost",
        title="A node's replicated disk is torn out",
        teaches="DRBD drops a failing disk and serves on; the cluster moves to the good one.",
        watch="/proc/drbd: ds:Diskless/UpToDate, and the service answers.",
        by_hand="Plug the disk in again, then drbdadm attach r0.",
        fault=storage.disk_pulled("data", after_heal=storage.ATTACH),
        expects=disk_lost,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="replica-detached",
        title="A node's replica is detached",
        teaches="The same without a broken device: one planned move, nobody is fenced.",
        watch="/proc/drbd: ds:Diskless/UpToDate.",
        by_hand="drbdadm attach r0",
        fault=storage.replica_detached(),
        expects=disk_lost,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="filesystem-full",
        title="The replicated filesystem is full",
        teaches="No failover helps against a full disk: writes are refused, none is lost.",
        watch="df /srv/data; writes answer with an error, pages are served.",
        by_hand="Remove what fills it.",
        only="active",
        fault=storage.filesystem_full(),
        expects=but(unnoticed(), writes_refused=True),
        hold_s=SETTLE_S,
    ),
    Drill(
        name="root-filesystem-full",
        title="Every node's root filesystem is full, and one of them is reset",
        teaches="A takeover, a boot and a join write to memory and to room that is kept for them.",
        watch="df / on both nodes; the service moves and the node comes back all the same.",
        by_hand="Remove what fills it: rm /.halab-fault-filler",
        fault=storage.root_filesystem_full(),
        expects=no_room_left,
    ),
    Drill(
        name="out-of-memory",
        title="A process eats all memory until the kernel kills it",
        teaches="The cluster's daemons are locked in memory and survive the kernel's choice.",
        watch="dmesg: who was killed.",
        by_hand="Nothing: the kernel ends it.",
        fault=pressure.memory_gone(),
        expects=but(unnoticed(allowed_news=("out of memory",)), outage_s=20.0),
        hold_s=2 * SETTLE_S,
    ),
    Drill(
        name="cpu-starvation",
        title="A node's processors are busy with something else",
        teaches="Membership and fencing run in real time; agents wait, and must be allowed to.",
        watch="top; crm_mon shows no failed operation.",
        by_hand="End the loops.",
        fault=pressure.processors_busy(),
        expects=but(unnoticed(), outage_s=20.0),
        hold_s=2 * SETTLE_S,
    ),
    Drill(
        name="clock-forward",
        title="A node's clock jumps an hour ahead",
        teaches="Daemons count time that passes, not the time of day.",
        watch="date on both nodes; nothing else happens.",
        by_hand="systemctl restart chrony",
        fault=clock.jumped(clock.LEAP_S),
        expects=but(unnoticed(alarms=(Alarm.CLOCK_OFFSET,)), clocks_agree=False),
        hold_s=SETTLE_S,
    ),
    Drill(
        name="clock-back",
        title="A node's clock jumps an hour back",
        teaches="The same in the direction that hurts naive timers more.",
        watch="date on both nodes; nothing else happens.",
        by_hand="systemctl restart chrony",
        fault=clock.jumped(-clock.LEAP_S),
        expects=but(unnoticed(alarms=(Alarm.CLOCK_OFFSET,)), clocks_agree=False),
        hold_s=SETTLE_S,
    ),
    Drill(
        name="replication-cut",
        title="Replication is cut while clients write, membership is not",
        teaches="Data first: the active node goes on alone only when nobody else can be promoted.",
        watch="crm_mon --neg-locations: a constraint named drbd-fence-by-handler.",
        by_hand="nft delete table inet halab_fault_replication",
        fault=replication.replication_cut(),
        expects=replication_lost,
        target="standby",
        hold_s=SETTLE_S,
    ),
    Drill(
        name="split-brain",
        title="Both nodes wrote to their copy: split brain",
        teaches="How it comes to be by force, how it looks, and the repair by hand.",
        watch="/proc/drbd: StandAlone on both; the journal says split brain.",
        by_hand=(
            "On the node whose data go: drbdadm disconnect r0; drbdadm secondary r0; "
            "drbdadm connect --discard-my-data r0. On the other: drbdadm connect r0."
        ),
        only="standby",
        fault=replication.split_brain(),
        expects=but(
            unnoticed(
                r"^replication on \S+ is StandAlone, not Connected$",
                allowed_news=("split brain",),
                alarms=(Alarm.REPLICATION_STANDALONE,),
            ),
            verify=True,
        ),
        target="standby",
        hold_s=SETTLE_S,
    ),
    Drill(
        name="wrong-configuration",
        title="A wrong corosync.conf keeps a node from coming back",
        teaches="A mistake on one node stays on one node.",
        watch="systemctl status corosync there; the others are quorate.",
        by_hand="Correct the file, then systemctl start corosync pacemaker.",
        only="standby",
        fault=operator.wrong_configuration(),
        expects=unnoticed(r"^corosync does not answer on \S+$"),
        target="standby",
    ),
    Drill(
        name="rejoin",
        title="A node joins another that serves alone and has never met it",
        teaches="Who comes back harms nobody: its quorum device waits until the membership rests.",
        watch="journalctl --unit corosync on the node that serves: it lives on.",
        by_hand="systemctl start corosync pacemaker on the node that is away",
        fault=departure.newest_first(),
        expects=served_alone,
        target="all",
        most=99,
    ),
    Drill(
        name="stale-first",
        title="All nodes are stopped, and the one with the older data starts first",
        teaches="Old data are never served: the node waits for newer ones, and nothing fails.",
        watch="crm_mon: the stale node stays unpromoted, no failed operation, no fail count.",
        by_hand="systemctl start corosync pacemaker on the other node",
        fault=departure.stale_first(),
        expects=stale_alone,
        target="all",
        most=99,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="standby",
        title="A node is sent into standby for maintenance",
        teaches="A planned move: no fencing, and shorter than any failover.",
        watch="crm_mon: the resources stop there and start elsewhere.",
        by_hand="crm_standby --node NODE --delete",
        fault=operator.standby(),
        expects=planned_move,
    ),
)

CATALOGUE = {entry.name: entry for entry in _ENTRIES}
"""All drills by name."""


def find(name: str) -> Drill:
    """Return a drill by name; raises HalabError for one that is not in the catalogue."""
    try:
        return CATALOGUE[name]
    except KeyError as error:
        raise HalabError(
            f"no fault is called {name!r}",
            hint=f"`./halab drills` tells about them: {', '.join(CATALOGUE)}",
        ) from error
