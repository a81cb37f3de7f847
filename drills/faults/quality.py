"""Bad networks: what netem does to packets on both cluster links."""

from __future__ import annotations

from drills.faults.base import Fault, Scene, printed, repair_on, run_on
from inventory.model import Machine
from labs.roles import NetworkRole

NETWORKS = (NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B)


def disturbed(netem: str) -> Fault:
    """Pass all that the targets send into the cluster networks through `netem` (tc-netem(8)).

    A card that has a queue discipline of somebody else's is refused: healing could not restore it.
    """

    def inject(scene: Scene) -> None:
        for machine in scene.targets:
            add = "; ".join(
                f"tc qdisc add dev {card} root netem {netem}" for card in cards(machine)
            )
            run_on(machine, f"set -e; modprobe sch_netem; {add}")

    def heal(scene: Scene) -> None:
        for machine in scene.targets:
            remove = "; ".join(
                f"tc qdisc delete dev {card} root netem 2>/dev/null" for card in cards(machine)
            )
            repair_on(scene, machine, f"{remove}; true")

    def proof(scene: Scene) -> str:
        card = cards(scene.targets[0])[0]
        return printed(f"tc -s qdisc show dev {card} | grep -A 1 netem")(scene)

    return Fault(inject, heal, proof)


def cards(machine: Machine) -> list[str]:
    """Return the machine's cards in the cluster networks; the replication bond runs over them."""
    return [machine.interfaces[role].name for role in NETWORKS if role in machine.interfaces]
