"""Who may go on: the votes that are left when machines are gone."""

from __future__ import annotations

from collections.abc import Collection

from inventory.model import Inventory
from wire.corosync import QdeviceState, QuorumView


def is_quorate(
    inventory: Inventory, view: QuorumView, *, lost: Collection[str], back: Collection[str] = ()
) -> bool:
    """Tell whether nodes have a quorum once machines are lost, by name, and others are back.

    Counted as votequorum does, from the votes that there are now: a node has one, the device one
    of its own as long as the monitor runs. Of two equal halves none is alive here, so the device's
    vote is with those who are left.
    """
    nodes = {node.name: node.number for node in inventory.nodes}
    device = view.qdevice is QdeviceState.VOTING and inventory.monitor.name not in lost
    absent = {nodes[name] for name in lost if name in nodes}
    present = {nodes[name] for name in back if name in nodes}
    alive = (view.members | present) - absent
    return bool(alive) and len(alive) + device > view.expected // 2
