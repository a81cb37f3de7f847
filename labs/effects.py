"""What a change costs a lab that runs, and what of it follows from more than the changed key."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from labs.model import Lab
from labs.placement import apart_from


class Effect(StrEnum):
    """What a change costs, in the words that a person reads."""

    NOTED = "noted, nothing changes"
    LIVE = "taken over while everything runs"
    MOVED = "clients find the service there at once, and no longer where it was"
    RESEATED = (
        "a service that has to be elsewhere by that goes to another node; clients miss it meanwhile"
    )
    REWEIGHED = (
        "room is counted anew while everything runs; a service that finds none where it is goes to "
        "another node, and clients miss it meanwhile"
    )
    STAYS = "taken over while everything runs; the service stays where it is"
    REHOMED = "the service goes to a home that is another node; clients miss it meanwhile"
    SUSPENDED = (
        "the service is stopped until one runs that comes and that it starts after; clients miss "
        "it meanwhile"
    )
    RESTARTED = "the cluster is stopped and started as a whole: the service is away meanwhile"
    IN_TURN = "one machine after the other is shut down and started; the service moves once"
    GROWN = "both disks and the filesystem grow while everything runs"
    JOINED = "new nodes join in standby and go online once they are checked; the rest runs on"
    LEFT = "nodes are drained and leave the cluster; then their machines go, with their own disks"
    EXTENDED = "clients find the service at more addresses; those that are there stay"
    SHORTENED = "clients find nothing any more at addresses that go; the others stay"
    REFUSED = "refused"


Weigh = Callable[[str, Lab, Lab], Effect]
"""Says what a change of a service costs, by its name and both definitions."""


def coming(name: str, before: Lab, after: Lab) -> Effect:
    """Say it of a service that comes or goes: who shares no node with one that comes gives way."""
    others = apart_from(after.settings, name) if name in after.settings else ()
    return Effect.RESEATED if any(other in before.settings for other in others) else Effect.LIVE


def homing(name: str, before: Lab, after: Lab) -> Effect:
    """Say it of a home, or of what is weighed against it: the service goes where that draws it."""
    home = after.settings[name].drawn_to
    return Effect.STAYS if home in (None, before.settings[name].drawn_to) else Effect.REHOMED


def waiting(name: str, before: Lab, after: Lab) -> Effect:
    """Say it of those after which a service starts: without one that comes it does not run."""
    awaited = after.settings[name].after
    return Effect.LIVE if all(each in before.settings for each in awaited) else Effect.SUSPENDED
