"""What can happen to a file server besides what can happen to every service."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import restarted_in_place, unnoticed
from drills.faults import exports as faults
from parts.services.nfs import MOUNT_UNIT, Nfs


def entries(part: Nfs) -> tuple[Drill, ...]:
    """Return what can happen to one file server; faults of the first service have plain names."""
    service = part.service
    prefix = f"{service.name}-" if service.number else ""
    return (
        Drill(
            name=f"{prefix}export-removed",
            service=service.name,
            title=f"A person takes back what {service.name} exports",
            teaches=(
                "Clients get errors at once, for a server that is there and has nothing for them "
                "is not waited for. The monitor of the export brings it back, with all locks."
            ),
            watch=f"exportfs -s; crm_mon --failcounts: one failure of {service.export}.",
            by_hand=f"crm_resource --cleanup --resource {service.export}",
            only="active",
            fault=faults.removed(part),
            expects=restarted_in_place,
        ),
        Drill(
            name=f"{prefix}export-daemons-killed",
            service=service.name,
            title=f"The daemons beside the file server {service.name} die",
            teaches=(
                "The kernel serves on without them, and the cluster looks at neither. Without one "
                "nobody new can mount: what nobody watches, nobody repairs."
            ),
            watch="./halab status names rpc.mountd; nfsdcld is back after a second.",
            by_hand=f"systemctl start {MOUNT_UNIT}",
            only="active",
            fault=faults.daemons_killed(),
            expects=unnoticed(r"^rpc\.mountd does not run on"),
            hold_s=SETTLE_S,
        ),
    )
