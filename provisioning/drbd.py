"""Replication with the kernel's DRBD 8.4: its configuration, disks and filesystem."""

from __future__ import annotations

import shlex

from inventory.model import Inventory, Machine
from labs.ports import DRBD_PORT
from labs.roles import NetworkRole
from parts.storage.drbd import DEVICE, MOUNT_POINT, RESOURCE
from provisioning.facts import NOTES, Facts
from provisioning.files import Edit, File, Folder, script
from provisioning.secrets import Secrets
from provisioning.steps import Step
from provisioning.templates import render

CONFIGURATION = f"/etc/drbd.d/{RESOURCE}.res"
INDEX_PAGE = "/var/lib/halab/www/index.html"
NOTE = "replication"

STOCK_HANDLER = "/usr/lib/drbd/crm-fence-peer.sh"
HANDLERS = "/usr/local/lib/halab"
FENCE_HANDLER = f"{HANDLERS}/crm-fence-peer.sh"
UNFENCE_HANDLER = f"{HANDLERS}/crm-unfence-peer.sh"

FILESYSTEM_REST_KIB = 2048
"""What ext4 may leave at the end of a device: too little for another group of blocks."""

CORRECTION = (
    Edit(
        before="\n\t# if it is not enabled, no point in waiting for it.\n",
        after="""
\t# Corrected by halab: these two are points in time since Pacemaker 2.1.7; 0 means "not".
\t[[ $in_ccm =~ ^[0-9]+$ ]] && { (( in_ccm )) && in_ccm=true || in_ccm=false; }
\t[[ $crmd =~ ^[0-9]+$ ]] && { (( crmd )) && crmd=online || crmd=offline; }

\t# if it is not enabled, no point in waiting for it.
""",
    ),
    Edit(
        before='\t[[ $crmd = "banned" ]] && will_fence=true\n',
        after='\t[[ $join = "banned" ]] && will_fence=true # corrected by halab: was $crmd\n',
    ),
)
"""What drbd-utils before 9.28 misunderstands in Pacemaker 3's node states.

Without it the handler waits its whole timeout for a peer whose fate is known, and a promotion that
waits for the handler fails.
"""


def files(inventory: Inventory, secrets: Secrets) -> tuple[File | Folder, ...]:
    """Describe DRBD's configuration, the corrected handlers and the place for the filesystem.

    The handlers are copies under the names that they look at to know what they are for; an upgrade
    of the package does not undo the correction. The mount point is there on every node, because
    whoever takes over may have no room left for it.
    """
    resource = render(
        "r0.res.j2",
        resource=RESOURCE,
        device=DEVICE,
        timing=inventory.timing,
        port=DRBD_PORT,
        disk=inventory.disks.data,
        secret=secrets.drbd_secret,
        fence_handler=FENCE_HANDLER,
        unfence_handler=UNFENCE_HANDLER,
        nodes=[
            {
                "name": node.name,
                "address": node.interfaces[NetworkRole.REPLICATION].address.ip,
            }
            for node in inventory.nodes
        ],
    )
    return (
        File(CONFIGURATION, resource, mode=0o600),
        File(INDEX_PAGE, render("index.html.j2", lab=inventory.lab)),
        File(FENCE_HANDLER, "", mode=0o755, source=STOCK_HANDLER, edits=CORRECTION),
        File(UNFENCE_HANDLER, "", mode=0o755, source=STOCK_HANDLER, edits=CORRECTION),
        Folder(MOUNT_POINT),
    )


def check_handler(changed: frozenset[str]) -> tuple[Step, ...]:
    """Let the corrected handler judge a living and a dead peer, whenever it was written."""
    if FENCE_HANDLER not in changed:
        return ()
    command = f"set -- {FENCE_HANDLER}\n{script('check_fence_handler.sh')}"
    return (Step("fence handler corrected", command),)


def attach(facts: Facts, first: Facts, cluster_runs: bool) -> tuple[Step, ...]:
    """Give the disk metadata if it has none and bring replication up, for the first time only.

    `first` are the first node's facts: it notes when replication is set up.
    """
    if cluster_runs or NOTE in first.notes:
        return ()
    return (Step("replication attached", script("attach_replication.sh")),)


def initialise(inventory: Inventory, facts: Facts, cluster_runs: bool) -> tuple[Step, ...]:
    """Declare both empty disks equal and make the filesystem; on the first node only.

    Both nodes must have attached. Pacemaker finds DRBD running then, which saves it a start.
    """
    if cluster_runs or NOTE in facts.notes:
        return ()
    words = (f"{NOTES}/{NOTE}", INDEX_PAGE, inventory.lab)
    command = f"set -- {shlex.join(words)}\n{script('initialise_replication.sh')}"
    extra_s = inventory.timing.format_wait_s
    return (Step("replication initialised, filesystem made", command, extra_s),)


def adjust(facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make running replication take over a changed configuration, and end what cut it off by hand.

    A node that stands alone or has let go of its disk stays so by itself.
    """
    cut_off = any(word in facts.replication for word in ("cs:StandAlone", "ds:Diskless/"))
    if not facts.cluster_runs or (CONFIGURATION not in changed and not cut_off):
        return ()
    return (Step("replication took over its configuration", f"drbdadm adjust {RESOURCE}"),)


def grow(facts: Facts) -> tuple[Step, ...]:
    """Make replication and filesystem as large as their disks, where the filesystem is in use.

    Both disks must have grown.
    """
    found = facts.replicated
    if found is None:
        return ()
    least = found.disk_kib - _metadata_kib(found.disk_kib)
    if found.device_kib >= least and found.filesystem_kib >= found.device_kib - FILESYSTEM_REST_KIB:
        return ()
    command = f"set -- {least}\n{script('grow_replication.sh')}"
    return (Step("replicated disk and filesystem grown", command),)


def _metadata_kib(disk_kib: int) -> int:
    """Return what DRBD may take of a disk for its internal metadata.

    A bit for each 4 KiB, an activity log of 32 KiB and a superblock of 4 KiB, aligned to 4 KiB
    (drbdmeta(8)).
    """
    return disk_kib // (4 * 8 * 1024) + 32 + 4 + 8


def first_node(inventory: Inventory, machine: Machine) -> bool:
    """Tell whether this machine does what only one node may do."""
    return machine.number == inventory.nodes[0].number
