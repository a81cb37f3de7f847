"""What clients may notice of a changed definition, service by service: said before, held after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from labs.changes import Change
from labs.effects import Effect
from labs.placement import apart_from
from parts.all import Parts
from parts.budget import budget
from parts.services.base import ServicePart
from updates.outage import allowances
from updates.rolling import MOVES


def costs(
    before: Parts, after: Parts, changes: Sequence[Change], in_turn: Collection[str]
) -> dict[str, float]:
    """Return for how long in all, in seconds, clients may miss each address that stays.

    `before` and `after` are the lab's parts by either definition, `in_turn` the machines that are
    shut down and started. An address that goes, or whose service is found at another port then,
    is not named.
    """
    moved = {change.owner for change in changes if change.effect is Effect.MOVED}
    placed = {
        change.owner for change in changes if change.effect in (Effect.REHOMED, Effect.RESEATED)
    }
    # Who starts after one that comes waits until that has started, which a move holds.
    new = after.services.keys() - before.services.keys()
    weighed = any(change.effect is Effect.REWEIGHED for change in changes)
    if weighed or (after.inventory.capacity and (placed or new)):
        # Where room is counted, whoever is in the way of one that moves or comes gives way.
        placed |= {name for name, part in after.services.items() if not part.service.everywhere}
    moving = moved | new | _moved_with(placed, (before, after))
    # It changes at some moment who waits for whom.
    was_s, is_s = (
        allowances(
            parts,
            {
                name: sum(_missed_s(part, changes, in_turn, moving))
                for name, part in parts.services.items()
            },
        )
        for parts in (before, after)
    )
    staying = {
        str(address.ip)
        for service in after.inventory.services
        if service.name not in moved
        for address in service.addresses
    }
    return {
        address: max(seconds, is_s[address])
        for address, seconds in was_s.items()
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
    part: ServicePart, changes: Sequence[Change], in_turn: Collection[str], moving: Collection[str]
) -> Iterator[float]:
    """Yield what each kind of effect costs clients of a service, in seconds."""
    effects = {change.effect for change in changes}
    move_s, timing = budget(part).move_s, part.timing
    if Effect.RESTARTED in effects:
        yield timing.stop_wait_s + timing.joined_wait_s
    if any(node.name in in_turn for node in part.inventory.nodes):
        yield MOVES * move_s
    if Effect.LEFT in effects:
        yield move_s
    if part.service.name in moving:
        yield move_s


def _moved_with(placed: Collection[str], both: Sequence[Parts]) -> set[str]:
    """Return who may move where it is said anew where these services shall be.

    They themselves, who gives way to one that moves, and who goes where that goes.
    """
    found = set(placed)
    while more := {each for parts in both for each in _beside(found, parts)} - found:
        found |= more
    return found


def _beside(names: Collection[str], parts: Parts) -> Iterator[str]:
    """Yield who shares no node with one of these services, and who follows one."""
    tables = {name: part.service.settings for name, part in parts.services.items()}
    for name in tables.keys() & set(names):
        yield from apart_from(tables, name)
        yield from (each for each, table in tables.items() if table.follows == name)
