"""Who took a service over from the nodes that were struck, and when, as its own journal says."""

from __future__ import annotations

from dataclasses import dataclass

from drills.findings import Findings
from drills.timeline import Milestones, done, find_milestones, first_after


@dataclass(frozen=True)
class Takeover:
    """A survivor that began to serve; `at` in seconds since 1970 on the lab's clock.

    `address` is the id of the resource by which clients found it.
    """

    node: str
    at: float
    address: str


def takeover(found: Findings) -> Takeover | None:
    """Return the first takeover after the fault; None when nobody logged one.

    With data it is when the cluster gives them to a node, else the start of the service, and of a
    service that runs everywhere that of an address.
    """
    service = found.part.service
    ids = {address.ip: name for name, address in service.address_ids.items()}
    begun = []
    for address in found.hit:
        name = ids[address]
        if service.everywhere:
            what = ("start", name)
        elif found.part.storage is not None:
            what = found.part.storage.taken
        else:
            what = ("start", service.resource)
        for node, lines in found.journals.items():
            if node in found.struck:
                continue
            at = first_after(lines or (), done(*what, node), found.injected)
            if at is not None:
                begun.append(Takeover(node, at, name))
    return min(begun, key=lambda each: each.at, default=None)


def milestones(found: Findings) -> Milestones | None:
    """Return when the survivors reached each step of the takeover; None when nobody took over."""
    taken = takeover(found)
    if taken is None or not found.expected.fenced:
        return None
    # Who coordinates the survivors asks for the fencing; that may be another one.
    survivors = (lines for node, lines in found.journals.items() if node not in found.struck)
    storage = found.part.storage
    return find_milestones(
        (line for lines in survivors for line in lines or () if line.at >= found.injected - 1),
        min(found.expected.fenced),
        taken.node,
        promoted=storage.instance if storage is not None and storage.replicated else None,
        address=taken.address,
    )
