"""Disks and replicas that are gone, filesystems that are full."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import but, disk_lost, no_room_left, unnoticed
from drills.faults import storage

ENTRIES = (
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
)
