"""How long a failover of a service may take: a sum over what the service is made of."""

from __future__ import annotations

from labs.durations import Budget
from parts.addresses.kinds import addresses
from parts.fencing.kinds import fencing
from parts.quorum.kinds import quorum
from parts.services.base import ServicePart

TAKEOVER_PACE_S = 2.0
PROMOTION_PACE_S = 3.0
FILESYSTEM_PACE_S = 2.0
ACTIVATION_PACE_S = 3.0
RECOVERY_PACE_S = 4.0
JOIN_PACE_S = 5.0
"""Seconds for each unit of pace. Calibration: a promotion took 3.8 s of what is 11 in emulation,
with DRBD's fence-peer handler; filesystem, web server and address 8.2 of 22. Where only an address
has to start, what the cluster itself does before it is not hidden in that: it took 2.5 to 16.0 s
from the fencing until the address answered, where at most 7.5 are the address's own. To activate a
volume group is ten of LVM's commands, reckoned at 0.3 s each and not measured. Once fencing is
confirmed a lock manager asks for it, every second, and a journal of 8 MiB is replayed: reckoned. A
node that joins has everything wait until the cluster knows what runs there: what was about to start
an address behind PostgreSQL did so 17.9 s later."""

SLOW_PACE_S = 4.0
"""What takes as long to start, in seconds for each unit of pace, still does when a node that was
reset is back: 54 s after the fault in emulation, where nginx has served for 15 and PostgreSQL has
begun."""


def budget(part: ServicePart) -> Budget:
    """Return what a failover of a service may take after a node lost its power.

    `Budget` explains each step. What a service does not have takes no time.
    """
    timing, pace = part.timing, part.timing.pace
    storage = part.storage
    replicated = storage is not None and storage.replicated
    delay_s = quorum(part.inventory).delay_s
    starts = addresses(part.inventory, part.service).start_pace_s
    slow = part.start_pace_s >= SLOW_PACE_S and not part.service.everywhere
    if part.service.everywhere:
        starts += TAKEOVER_PACE_S
    else:
        starts += part.start_pace_s
        starts += FILESYSTEM_PACE_S if storage is not None else 0.0
        starts += ACTIVATION_PACE_S if storage is not None and not replicated else 0.0
    return Budget(
        detection_s=round(timing.death_s, 1),
        decision_s=timing.decision_s,
        fencing_s=delay_s + fencing(part.inventory).confirmed_s,
        promotion_s=_promotion_s(part),
        start_s=starts * pace,
        probe_s=probe_s(len(part.service.addresses)),
        pause_s=part.pause_s,
        delay_s=delay_s,
        join_s=JOIN_PACE_S * pace if slow else 0.0,
    )


def held_s(part: ServicePart) -> float:
    """Return how long a server that is well may wait for its disk, in seconds: for a fencing.

    DRBD holds writes from the loss of its peer until that is known to be fenced, and so does a lock
    manager. Where no other node has the data nothing waits.
    """
    storage = part.storage
    if storage is None or not (storage.replicated or storage.together):
        return 0.0
    found = budget(part)
    return found.detection_s + found.decision_s + found.fencing_s + found.promotion_s


def _promotion_s(part: ServicePart) -> float:
    """Return what passes between fencing and the first start: until its data may be used again."""
    storage, pace = part.storage, part.timing.pace
    if storage is None:
        return 0.0
    if storage.replicated:
        return PROMOTION_PACE_S * pace - 1
    return RECOVERY_PACE_S * pace if storage.together else 0.0


def probe_s(addresses: int) -> float:
    """Return what a client adds that asks all addresses in turn, 0.2 s apart, for 0.8 s each."""
    return round(0.2 * addresses + 0.8, 1)
