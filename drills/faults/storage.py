"""Faults of disks: torn out, detached from replication, full."""

from __future__ import annotations

from drills.faults.base import Fault, Scene, commands, on_targets, repair_on
from inventory.model import Machine
from provisioning.drbd import RESOURCE
from status.reading import MOUNT_POINT

FILLER = f"{MOUNT_POINT}/.halab-fault-filler"


def disk_pulled(serial: str, after_heal: str = "true") -> Fault:
    """Tear a disk out of the targets at the hypervisor; put the same disk back to heal.

    `serial` is how the guest names it; `after_heal` is shell text that a node runs with its disk
    back, and must succeed where nothing is wrong.
    """

    def pull(scene: Scene, machine: Machine) -> None:
        xml = scene.power.disk_xml(machine.name, serial)
        if xml is None:
            return
        # Noted first: without it nobody could put the disk back after a crash of the drill.
        scene.notes[_note(machine)] = xml
        scene.power.pull_disk(machine.name, xml)

    def plug(scene: Scene, machine: Machine) -> None:
        xml = scene.notes.get(_note(machine))
        if xml is not None and scene.power.disk_xml(machine.name, serial) is None:
            scene.power.plug_disk(machine.name, xml)
        repair_on(scene, machine, after_heal)

    def _note(machine: Machine) -> str:
        return f"disk {serial} of {machine.name}"

    return Fault(inject=on_targets(pull), heal=on_targets(plug))


def replica_detached() -> Fault:
    """Make DRBD give up its disk as it does after an I/O error; attach it again to heal."""
    return commands(f"drbdadm detach --force {RESOURCE}", ATTACH)


ATTACH = (
    f"for _ in 1 2 3 4 5 6 7 8 9 10; do case $(drbdadm dstate {RESOURCE} 2>/dev/null) in "
    f"Diskless/*) drbdadm attach {RESOURCE} && break; sleep 1;; *) break;; esac; done"
)


def filesystem_full() -> Fault:
    """Fill the replicated filesystem to the last block that the server may use; empty it to heal.

    It is removed wherever the filesystem is mounted by then.
    """

    def fill(scene: Scene, machine: Machine) -> None:
        # The server is not root: it may not touch the blocks that are kept for root.
        avail = f"df --output=avail -B1 {MOUNT_POINT} | tail -n 1"
        command = (
            f"for _ in 1 2 3; do fallocate -o $(stat -c %s {FILLER} 2>/dev/null || echo 0) "
            f"-l $({avail}) {FILLER} 2>/dev/null; done; test $({avail}) -lt 16384"
        )
        repair_on(scene, machine, command)

    def empty(scene: Scene) -> None:
        for node in scene.inventory.nodes:
            repair_on(scene, node, f"rm -f {FILLER}")

    return Fault(inject=on_targets(fill), heal=empty)
