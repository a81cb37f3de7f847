"""Faults of replication: cut off while membership goes on, and data that went two ways."""

from __future__ import annotations

from drills.faults.base import Fault, Scene, commands, repair_on, run_on
from inventory.model import Machine
from inventory.parts import Storage

TABLE = "inet halab_fault_replication"


def replication_cut(storage: Storage) -> Fault:
    """Drop all replication traffic at the targets, on both paths; membership goes on."""
    chains = "".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority -300\n"
        f"    tcp sport {storage.port} drop\n    tcp dport {storage.port} drop\n  }}\n"
        for hook in ("input", "output")
    )
    return commands(
        f"nft --file - <<'END'\ntable {TABLE} {{\n{chains}}}\nEND",
        f"nft delete table {TABLE} 2>/dev/null || :",
    )


def split_brain(storage: Storage) -> Fault:
    """Let a standing-by node write to its copy while the active one writes to its own.

    The cluster prevents that, so it is put into maintenance, and DRBD's fencing is taken from the
    node that is hit. Healing is the documented repair by hand: the node that is hit gives up its
    data and takes the other's.
    """
    name, device = storage.resource, storage.device

    def _pair(scene: Scene) -> tuple[Machine, Machine]:
        [victim] = scene.targets
        [survivor] = (node for node in scene.inventory.carriers(storage) if node != victim)
        return victim, survivor

    def inject(scene: Scene) -> None:
        victim, survivor = _pair(scene)
        run_on(survivor, "crm_attribute --name maintenance-mode --update true")
        run_on(survivor, f"drbdadm disconnect {name}")
        run_on(
            victim,
            f"set -e; drbdadm disconnect {name} || :; "
            f"drbdsetup disk-options {storage.number} --fencing=dont-care; "
            f"drbdadm primary --force {name}; "
            # The last block of the device: written, so that both sides have changed.
            f"dd if={device} of={device} bs=4096 count=1 conv=notrunc,fsync status=none; "
            # Primary still when they meet again: of one primary and one secondary DRBD is told to
            # take the primary's data by itself.
            f"drbdadm connect {name}",
        )
        run_on(survivor, f"drbdadm connect {name}")

    def heal(scene: Scene) -> None:
        victim, survivor = _pair(scene)
        alone = f"[ $(drbdadm cstate {name}) = StandAlone ]"
        repair_on(
            scene,
            victim,
            f"if [ $(drbdadm cstate {name}) != Connected ]; then "
            f"drbdadm disconnect {name}; drbdadm secondary {name} && "
            f"drbdadm connect --discard-my-data {name}; fi",
        )
        repair_on(scene, survivor, f"if {alone}; then drbdadm connect {name}; fi")
        repair_on(scene, victim, f"drbdadm adjust {name}")
        repair_on(scene, survivor, "crm_attribute --name maintenance-mode --delete")

    return Fault(inject, heal)
