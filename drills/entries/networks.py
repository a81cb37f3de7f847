"""Networks that are cut, or carry badly."""

from __future__ import annotations

from drills import partitions
from drills.drill import SETTLE_S, Drill
from drills.expectations import cut_off, partition, unnoticed
from drills.faults import cables, quality
from drills.faults.base import Scene
from drills.faults.partition import partitioned
from drills.partitions import Shape
from labs.roles import NetworkRole
from status.problems import Alarm


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
        teaches="All that nodes tell each other has two ways: one cable is no event.",
        watch="corosync-cfgtool -s shows the link down; nothing else changes.",
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


ONE_SIDE = "corosync-quorumtool on both: only one side is quorate."

LESSONS = {
    "device": ("Two halves, one vote outside: the quorum device decides who lives.", ONE_SIDE),
    "majority": (
        "Two parts, and one is the majority: whoever is in the other has to end.",
        ONE_SIDE,
    ),
    "two-node": (
        "Two halves, both quorate, and each fences the other: who serves does not hesitate.",
        "journalctl --unit pacemaker on both: who has less to lose delays its fencing.",
    ),
}
"""What a divided cluster teaches and where to look, by the kind of quorum."""

_CABLES = (
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
)

_NETWORKS = (
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
        "packet-corruption",
        "A node's cluster links change a bit in a twentieth of their packets",
        "Damage is loss: checksums and Corosync's key let nothing through that was changed.",
        "corrupt 5%",
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
)


def _links_down(teaches: str, watch: str) -> Drill:
    return Drill(
        name="links-down",
        title="Both cluster links are unplugged at a node",
        teaches=teaches,
        watch=watch,
        by_hand="Plug the cables in again.",
        fault=cables.unplugged(*cables.CLUSTER),
        expects=partition,
    )


def entries(quorum: str) -> tuple[Drill, ...]:
    """Return what networks do to a lab with a quorum of this kind."""
    return (*_CABLES, _links_down(*LESSONS[quorum]), *_NETWORKS)
