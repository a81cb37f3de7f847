"""Partitions of the cluster networks, by a packet filter table of the drill's own on each node.

Healing deletes that table and touches no other rule.
"""

from __future__ import annotations

from collections.abc import Callable

from drills.faults.base import Fault, Scene, repair_on, run_on
from drills.partitions import Shape
from inventory.model import Inventory
from labs.roles import NetworkRole

TABLE = "inet halab_fault_partition"
NETWORKS = (NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B, NetworkRole.REPLICATION)
"""What a partition cuts: membership and replication. Not management, and not the service."""

Shaper = Callable[[Scene], Shape]


def partitioned(shape: Shaper) -> Fault:
    """Make nodes deaf to others as the shape says, on all cluster links and for replication."""

    def inject(scene: Scene) -> None:
        for name, text in rules(scene.inventory, shape(scene)).items():
            run_on(scene.inventory.machine(name), f"nft --file - <<'END'\n{text}END")

    def heal(scene: Scene) -> None:
        for node in scene.inventory.nodes:
            # A node that was fenced has forgotten the table with its memory.
            repair_on(scene, node, f"nft delete table {TABLE} 2>/dev/null || :")

    return Fault(inject, heal)


def rules(inventory: Inventory, shape: Shape) -> dict[str, str]:
    """Return the rule set of every node that becomes deaf: what it drops is named by its sender."""
    texts = {}
    for receiver in sorted({receiver for receiver, _ in shape}):
        senders = [inventory.machine(sender) for to, sender in sorted(shape) if to == receiver]
        addresses = ", ".join(
            str(sender.interfaces[role].address.ip)
            for sender in senders
            for role in NETWORKS
            if role in sender.interfaces
        )
        texts[receiver] = (
            f"table {TABLE} {{\n"
            "  chain input {\n    type filter hook input priority -300\n"
            f"    ip saddr {{ {addresses} }} drop\n"
            "  }\n}\n"
        )
    return texts
