"""Services that die in a machine that lives."""

from __future__ import annotations

from drills.drill import Drill
from drills.expectations import restarted_in_place
from drills.faults import processes
from parts.services.base import ServicePart


def entries(part: ServicePart) -> tuple[Drill, ...]:
    """Return what can happen to one service; faults of the first have plain names."""
    service, resource = part.service, part.service.resource
    prefix = f"{service.name}-" if service.number else ""
    cleaned_up = f"crm_resource --cleanup --resource {resource}"
    return (
        Drill(
            name=f"{prefix}service-killed",
            title=f"The service {service.name} dies",
            teaches="The monitor's interval is the outage; the cluster repairs in place.",
            watch=f"crm_mon --failcounts: one failure of {resource}, and a start.",
            by_hand=cleaned_up,
            only="active",
            fault=processes.killed(part.process.every, resource),
            expects=restarted_in_place,
            service=service.name,
        ),
        Drill(
            name=f"{prefix}service-master-killed",
            title=f"The first process of service {service.name} dies, its others live on",
            teaches=(
                "What is left of a dead server is ended first, so that it can start where it was."
            ),
            watch=f"crm_mon --failcounts: one failure of {resource}, and a start on the same node.",
            by_hand=cleaned_up,
            only="active",
            fault=processes.killed(part.process.first, resource),
            expects=restarted_in_place,
            service=service.name,
        ),
        Drill(
            name=f"{prefix}resource-failed",
            title="A resource is reported as failed",
            teaches="What the cluster does about a monitor's bad news, without waiting for it.",
            watch="crm_mon --failcounts.",
            by_hand=cleaned_up,
            only="active",
            fault=processes.resource_failed(resource),
            expects=restarted_in_place,
            service=service.name,
        ),
    )
