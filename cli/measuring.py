"""Clients outside while `up` changes a lab: what they noticed, against what was said."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from cli.building import Prepared
from cli.progress import Progress
from core.errors import HalabError
from drills.clock import LabClock
from drills.site import Site
from infra.impact import Impact
from infra.planning import sketch
from inventory.record import Record
from labs.effects import Effect
from parts.all import Parts
from status.collect import Observer
from updates.costs import costs, told
from updates.outage import Stretch, concluded, using

TOO_LONG = "clients waited longer, or lost more, than the change may cost them"
"""What `up` says of a change that was not what it promised."""


@dataclass
class Notice:
    """What clients noticed; `lines` stay empty where nobody looked."""

    lines: tuple[str, ...] = ()
    kept: bool = True


@contextmanager
def measuring(prepared: Prepared[Record], impact: Impact, progress: Progress) -> Iterator[Notice]:
    """Have clients use a lab's services while its definition changes, and say what they noticed.

    What that may cost them is said before. Nobody looks at a lab that is new or not well, whose
    definition stays, or whose monitor, where such clients run, is shut down meanwhile.
    """
    notice = Notice()
    site = _site(prepared, impact)
    if site is None:
        yield notice
        return
    # A run that was interrupted may have left more than the lab has promised anybody: an address
    # that is at home on a node that has yet to come, say.
    before, after = (
        Parts(sketch(each, accelerated=prepared.record.accelerated))
        for each in (prepared.before, prepared.lab)
    )
    allowed_s = costs(before, after, prepared.changes, impact.in_turn)
    for line in told(before, allowed_s):
        progress.note(line)
    if not allowed_s:
        yield notice
        return
    with ExitStack() as stack:
        try:
            _check_watched(site, impact, allowed_s)
            clock = LabClock(site.inventory.monitor)
            clients = stack.enter_context(using(site, progress.note, only=allowed_s))
            began = clock.now()
        except HalabError as error:
            # The change may be what mends it: a disk that is full refuses writes alone. And where
            # machines are off, it starts them.
            progress.note(f"nobody measures that: {error.message}")
            yield notice
            return
        yield notice
        stretch = Stretch("measured", began, clock.now(), allowed_s)
        account = concluded(stack, clients, [stretch])
    notice.lines = tuple(account.lines())
    notice.kept = account.unknown is not None or account.kept


def _site(prepared: Prepared[Record], impact: Impact) -> Site | None:
    """Return the lab as it is, if something happens to it that its clients could notice."""
    costly = any(change.effect is not Effect.NOTED for change in prepared.changes)
    if impact.lost or not (costly or impact.in_turn):
        return None
    try:
        return Site.of(prepared.folder)
    except HalabError:
        # It never came so far that it serves anybody.
        return None


def _check_watched(site: Site, impact: Impact, addresses: Collection[str]) -> None:
    """Raise HalabError where no client can look at these addresses."""
    monitor = site.inventory.monitor.name
    if monitor in impact.in_turn:
        raise HalabError(f"clients run on {monitor}, which is shut down and started as well")
    with Observer(site.inventory) as observer:
        answering = {str(each) for each in observer.answering()}
    silent = [
        part.service.name
        for part in site.parts.public
        if {str(each.ip) for each in part.service.addresses} & set(addresses) - answering
    ]
    if silent:
        raise HalabError(f"{', '.join(silent)} does not answer")
