"""Faults of network cables, pulled at the hypervisor."""

from __future__ import annotations

from drills.faults.base import Fault, Scene
from drills.hands import Hand
from labs.roles import NetworkRole

CLUSTER = (NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B)


def unplugged(*networks: NetworkRole) -> Fault:
    """Pull the targets' cables into these networks; plug them in again to heal.

    Raises ValueError for the management network.
    """
    if NetworkRole.MANAGEMENT in networks:
        raise ValueError("the management network is never cut: everything is healed over it")

    def plug(scene: Scene, *, plugged: bool) -> None:
        for machine in scene.targets:
            for network in networks:
                scene.power.set_cable(machine.name, network, plugged=plugged)

    return Fault(
        inject=lambda scene: plug(scene, plugged=False),
        heal=lambda scene: plug(scene, plugged=True),
        needs=frozenset({Hand.CABLE}),
    )
