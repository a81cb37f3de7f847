"""Services that die in a machine that lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from drills.drill import SETTLE_S, Drill
from drills.expectations import restarted_in_place, unnoticed
from drills.faults import processes
from parts.services.base import ServicePart
from status.events import failure
from status.problems import Alarm


def entries(part: ServicePart, front: ServicePart) -> tuple[Drill, ...]:
    """Return what can happen to one service; faults of the first have plain names.

    `front` is by which clients reach it: they notice nothing where that is another.
    """
    found = _own(part)
    if front is part:
        return found
    return tuple(
        replace(
            entry,
            teaches=f"{front.service.name} asks the next server at once; the cluster repairs.",
            only=None,
            expects=unnoticed(alarms=(Alarm.RESOURCE_FAILED,)),
            service=front.service.name,
            hold_s=2 * SETTLE_S,
        )
        for entry in found
    )


def _own(part: ServicePart) -> tuple[Drill, ...]:
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
            fault=processes.ended(part.process.end, resource),
            expects=restarted_in_place,
            service=service.name,
            event=failure(service.name),
        ),
        *_beheaded(part, prefix, cleaned_up),
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


def _beheaded(part: ServicePart, prefix: str, cleaned_up: str) -> Iterator[Drill]:
    """Yield the death of a first process alone, of a service of several."""
    service, resource = part.service, part.service.resource
    if part.process.end_first is None:
        return
    yield Drill(
        name=f"{prefix}service-master-killed",
        title=f"The first process of service {service.name} dies alone",
        teaches="What is left of a dead server is ended first, so that it can start where it was.",
        watch=f"crm_mon --failcounts: one failure of {resource}, and a start on the same node.",
        by_hand=cleaned_up,
        only="active",
        fault=processes.ended(part.process.end_first, resource),
        expects=restarted_in_place,
        service=service.name,
    )
