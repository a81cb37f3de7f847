"""Faults of disks: torn out, slow, detached from replication, full."""

from __future__ import annotations

from core.wait import wait_until
from drills.faults.base import Action, Fault, Scene, commands, on_targets, repair_on, run_on
from drills.hands import Hand
from inventory.model import Machine
from inventory.parts import Storage
from machines.remote import RemoteUnreachable

FILLER = ".halab-fault-filler"

ROOT_FILLER = f"/{FILLER}"

WRITES_PER_S, SYNCED_WRITES_PER_S = 4, 2
"""Of a slow disk; the second behind a service that syncs by itself what it promises. A client
writes twice a second where nothing makes it wait. That is 7 writes of the disk each behind a web
server, whose filesystem is mounted with `sync` (counted in /sys/block/*/stat), and little more than
one behind a database, which felt nothing of 4 (a median of 0.12 s; of 2: 0.50 s)."""

ROOM = 2**26
"""Bytes: with less a filesystem is full, though journald gives old journals back at a boot."""


def disk_pulled(serial: str, after_heal: str = "true") -> Fault:
    """Tear a disk out of the targets at the hypervisor; put the same disk back to heal.

    `serial` is how the guest names it; `after_heal` is shell text that a node runs with its disk
    back, and must succeed where nothing is wrong.
    """

    def pull(scene: Scene, machine: Machine) -> None:
        disk = scene.power.disk(machine.name, serial)
        if disk is None:
            return
        # Noted first: without it nobody could put the disk back after a crash of the drill.
        scene.notes[_note(machine)] = disk
        scene.power.pull_disk(machine.name, disk)

    def plug(scene: Scene, machine: Machine) -> None:
        disk = scene.notes.get(_note(machine))
        if disk is not None and scene.power.disk(machine.name, serial) is None:
            scene.power.plug_disk(machine.name, disk)
        repair_on(scene, machine, after_heal)

    def _note(machine: Machine) -> str:
        return f"disk {serial} of {machine.name}"

    return Fault(inject=on_targets(pull), heal=on_targets(plug), needs=frozenset({Hand.DISK}))


def disk_slowed(serial: str, *, syncs: bool) -> Fault:
    """Make a disk of the targets slow at the hypervisor, for writes alone.

    `serial` is how the guest names it, and `syncs` what its user says of itself. What proves it is
    how long clients wait for a promise.
    """
    slow = SYNCED_WRITES_PER_S if syncs else WRITES_PER_S

    def limit(per_second: int) -> Action:
        return on_targets(
            lambda scene, machine: scene.power.limit_writes(machine.name, serial, per_second)
        )

    pace = frozenset({Hand.DISK_PACE})
    return Fault(inject=limit(slow), heal=limit(0), needs=pace)


def replica_detached(storage: Storage) -> Fault:
    """Make DRBD give up its disk as it does after an I/O error; attach it again to heal."""
    return commands(f"drbdadm detach --force {storage.resource}", attach(storage))


def attach(storage: Storage) -> str:
    """Return shell text that gives a replica its disk again; nothing where it has it.

    It fails where the disk does not come back.
    """
    name = storage.resource
    return (
        f"for _ in 1 2 3 4 5 6 7 8 9 10; do case $(drbdadm dstate {name} 2>/dev/null) in "
        f"Diskless/*) drbdadm attach {name} && break; sleep 1;; *) break;; esac; done; "
        f"case $(drbdadm dstate {name} 2>/dev/null) in Diskless/*) exit 1;; esac"
    )


def filesystem_full(storage: Storage) -> Fault:
    """Fill the filesystem of the data to the last block that the server may use; empty it to heal.

    It is removed wherever the filesystem is mounted by then.
    """
    place = storage.mount_point
    filler = f"{place}/{FILLER}"

    def fill(scene: Scene, machine: Machine) -> None:
        # The server is not root: it may not touch the blocks that are kept for root.
        repair_on(scene, machine, f"{_fill(place, filler)}\ntest $({_left(place)}) -lt 16384")

    return Fault(inject=on_targets(fill), heal=_removed(filler))


def root_filesystem_full() -> Fault:
    """Fill every node's root filesystem to the last block, then press the targets' reset buttons.

    The targets boot and join, and somebody takes over, without room to write. Emptied to heal.
    """

    def fill(scene: Scene) -> None:
        # A new journal has its blocks before they are gone: what happens next is to be read there.
        # Whoever fills a disk in earnest does it as root, byte by byte. What is not on the disk is
        # room again after a reset.
        command = (
            f"journalctl --rotate\n{_fill('/', ROOT_FILLER)}\n"
            f"dd if=/dev/zero of={ROOT_FILLER} bs=4k oflag=append conv=notrunc status=none 2>&1"
            " | grep 'No space left' && sync"
        )
        for node in scene.inventory.nodes:
            run_on(node, command)
        for machine in scene.targets:
            scene.power.reset(machine.name)

    button = frozenset({Hand.RESET})
    return Fault(fill, _removed(ROOT_FILLER), _serve_without_room, needs=button)


def _serve_without_room(scene: Scene) -> str:
    """Wait until every node is a member again although it has no room; tell what each has."""
    members = len(scene.inventory.nodes)
    command = (
        "systemctl is-active --quiet pacemaker && "
        f"test $(crm_node --partition | wc -w) -eq {members} && "
        f"left=$({_left('/')}) && test $left -lt {ROOM} && echo $left bytes left"
    )

    def ask() -> list[str]:
        return [
            f"{node.name}: {run_on(node, command, check=False).strip()}"
            for node in scene.inventory.nodes
        ]

    told = wait_until(
        ask,
        lambda told: all(line.endswith("left") for line in told),
        what="every node is a member with its root filesystem full",
        timeout=scene.inventory.timing.rejoin_wait_s,
        interval=float(scene.inventory.timing.pace),
        retry_on=(RemoteUnreachable,),
        describe=" | ".join,
    )
    return " | ".join(told)


def _left(place: str) -> str:
    """Return shell text that prints how many bytes may still be written to a filesystem."""
    return f"df --output=avail -B1 {place} | tail -n 1"


def _fill(place: str, filler: str) -> str:
    """Return shell text that takes what is left in a few pieces, for it may not be one."""
    return (
        f"for _ in 1 2 3; do fallocate -o $(stat -c %s {filler} 2>/dev/null || echo 0) "
        f"-l $({_left(place)}) {filler} 2>/dev/null; done"
    )


def _removed(filler: str) -> Action:
    """Return the healing that removes a file from every node."""

    def remove(scene: Scene) -> None:
        for node in scene.inventory.nodes:
            repair_on(scene, node, f"rm -f {filler}")

    return remove
