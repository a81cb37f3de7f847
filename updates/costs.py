"""What clients may notice of a changed definition, service by service: said before, held after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from labs.changes import Change, Effect
from labs.model import Lab
from labs.placement import apart_from
from parts.all import Parts
from parts.budget import budget
from parts.services.base import ServicePart
from updates.outage import allowances
from updates.rolling import MOVES


def costs(
    parts: Parts, after: Lab, changes: Sequence[Change], in_turn: Collection[str]
) -> dict[str, float]:
    """Return for how long in all, in seconds, clients may miss each address that stays.

    `parts` are the lab's before the change, `in_turn` the machines that are shut down and started.
    An address that goes, or whose service is found at another port then, is not named.
    """
    moved = {change.owner for change in changes if change.effect is Effect.MOVED}
    staying = {
        str(address)
        for service in after.services
        if service.name not in moved
        for address in service.addresses
    }
    placed = {
        name
        for change in changes
        if change.effect in (Effect.REHOMED, Effect.RESEATED)
        for name in _moved_by(after, change.owner)
    }
    missed = {
        name: sum(_missed_s(parts, part, changes, in_turn, placed | moved))
        for name, part in parts.services.items()
    }
    # It changes at some moment who waits for whom.
    later = {
        name: [each for each in settings.after if each in parts.services]
        for name, settings in after.settings.items()
    }
    before_s, later_s = allowances(parts, missed), allowances(parts, missed, later)
    return {
        address: max(seconds, later_s[address])
        for address, seconds in before_s.items()
        if address in staying
    }


def told(parts: Parts, allowed_s: Mapping[str, float]) -> Iterator[str]:
    """Say it: what clients of each service may notice."""
    calm = allowances(parts, {})
    for part in parts.public:
        here = [str(address.ip) for address in part.service.addresses]
        seconds = [allowed_s[address] for address in here if address in allowed_s]
        name = part.service.name
        if not seconds:
            yield f"{name}: clients find it elsewhere, or nowhere"
        elif max(seconds) > calm[here[0]]:
            yield f"{name}: clients may miss it for up to {max(seconds):.0f} s in all"
        else:
            yield f"{name}: clients notice nothing"


def _missed_s(
    parts: Parts,
    part: ServicePart,
    changes: Sequence[Change],
    in_turn: Collection[str],
    placed: Collection[str],
) -> Iterator[float]:
    """Yield what each kind of effect costs clients of a service, in seconds."""
    effects = {change.effect for change in changes}
    move_s, timing = budget(part).move_s, part.timing
    if Effect.RESTARTED in effects:
        yield timing.stop_wait_s + timing.joined_wait_s
    if any(node.name in in_turn for node in parts.inventory.nodes):
        yield MOVES * move_s
    if Effect.LEFT in effects:
        yield move_s
    if part.service.name in placed:
        yield move_s


def _moved_by(after: Lab, owner: str) -> Iterator[str]:
    """Yield who may move where it is said anew where a service shall be.

    It, and who goes where it goes, and who gives way to it.
    """
    yield owner
    yield from apart_from(after.settings, owner)
    yield from (name for name, each in after.settings.items() if each.follows == owner)
