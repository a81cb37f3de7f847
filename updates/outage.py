"""How long clients outside waited while a lab was changed, and how long they may."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

from core.errors import HalabError
from core.saying import Say
from drills.expectations import stall_s
from drills.healing import clients_outside
from drills.ledger import Books, Entry, compare, read_ledger
from drills.probes import Attempt, Probe, new_run
from drills.site import Site
from parts.all import Parts
from parts.budget import budget
from parts.services.base import ServicePart
from status.collect import collect


@dataclass(frozen=True)
class Stretch:
    """The time that something took, on the monitor's clock: the update of a node, say.

    `allowed_s`: how long clients may wait meanwhile in all, in seconds, by address. An address
    that is not named there is not looked at.
    """

    what: str
    began: float
    ended: float
    allowed_s: Mapping[str, float]


@dataclass(frozen=True)
class Silence:
    """How long a service was silent in all in a stretch of time, at its worst address.

    Gaps that nobody would call an outage (`stall_s`) are not counted.
    """

    what: str
    service: str
    address: str
    seconds: float
    allowed_s: float

    @property
    def kept(self) -> bool:
        """Whether it was no longer than it may."""
        return self.seconds <= self.allowed_s

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.service} at {self.address} was silent for {self.seconds:.1f} s "
            f"of {self.allowed_s:.1f} s"
        )


@dataclass(frozen=True)
class Account:
    """What clients saw of a change; `books` are comparisons of ledgers, by service.

    `unknown` says why nobody can tell. `attempts` are all that they tried, in the order it ended.
    """

    silences: tuple[Silence, ...]
    books: dict[str, Books]
    unknown: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the services kept all that they promise."""
        if self.unknown is not None:
            return False
        ledgers = all(books.complete for books in self.books.values())
        return ledgers and all(silence.kept for silence in self.silences)

    def lines(self) -> Iterator[str]:
        """Say it."""
        if self.unknown is not None:
            yield f"what clients noticed is not known: {self.unknown}"
        yield from map(str, self.silences)
        for name, books in self.books.items():
            yield f"{name}: {books}"


@dataclass(frozen=True)
class Clients:
    """Clients that run on the monitor, each with the service that it uses."""

    site: Site
    probes: Sequence[tuple[ServicePart, Probe]]

    def account(self, stretches: Sequence[Stretch]) -> Account:
        """Stop the clients and say what they saw.

        Raises HalabError when a ledger cannot be read.
        """
        silences: list[Silence] = []
        books: dict[str, Books] = {}
        tried: list[Attempt] = []
        for part, probe in self.probes:
            attempts = probe.stop()
            tried += attempts
            for stretch in stretches:
                silences += silence(part, attempts, stretch)
            if part.keeps_writes:
                books[part.service.name] = compare(attempts, self._entries(part, probe))
        order = [stretch.what for stretch in stretches]
        silences.sort(key=lambda each: order.index(each.what))
        tried.sort(key=lambda attempt: attempt.ended)
        return Account(tuple(silences), books, attempts=tuple(tried))

    def _entries(self, part: ServicePart, probe: Probe) -> list[Entry]:
        found = collect(self.site.inventory).service(part.service.name).nodes
        if not found:
            raise HalabError(f"{part.service.name} is at no node, so nobody can read its ledger")
        return list(read_ledger(part, self.site.inventory.machine(found[0]), probe.run))


@contextmanager
def using(site: Site, say: Say, only: Collection[str] | None = None) -> Iterator[Clients]:
    """Run a client of each service that clients find, until the block ends.

    With `only`, at these addresses alone, and for those services that have one of them. Raises
    HalabError, and says what cannot be removed, as `clients_outside` does.
    """
    parts = [
        part
        for part in site.parts.public
        if only is None or any(str(each.ip) in only for each in part.service.addresses)
    ]
    with clients_outside(site, parts, new_run(), say, only) as probes:
        yield Clients(site, list(zip(parts, probes, strict=True)))


def concluded(stack: ExitStack, clients: Clients, stretches: Sequence[Stretch]) -> Account:
    """End clients, which the stack has, and say what they saw: nothing where nobody can tell.

    What was done to the lab meanwhile is worth more than what was seen of it: nothing is raised.
    """
    try:
        try:
            return clients.account(stretches)
        finally:
            stack.close()
    except HalabError as error:
        return Account((), {}, unknown=error.message)


def allowances(parts: Parts, seconds: Mapping[str, float]) -> dict[str, float]:
    """Return how long clients may wait in all, in seconds, at each address of a lab.

    `seconds` says it by service, of those where they may notice anything by itself.
    """
    return {
        str(address.ip): max(stall_s(part.timing), _missed_s(parts, part, seconds))
        for part in parts.public
        for address in part.service.addresses
    }


def silence(
    part: ServicePart, attempts: Sequence[Attempt], stretch: Stretch
) -> tuple[Silence, ...]:
    """Return how long a service was silent in a stretch of time; nothing where nobody looks."""
    calm = stall_s(part.timing)
    found = [
        Silence(stretch.what, part.service.name, address, silent_s, stretch.allowed_s[address])
        for address in (str(each.ip) for each in part.service.addresses)
        if address in stretch.allowed_s
        for silent_s in (_silent_s(attempts, address, stretch, calm),)
    ]
    return (max(found, key=lambda each: each.seconds - each.allowed_s),) if found else ()


def _missed_s(parts: Parts, part: ServicePart, seconds: Mapping[str, float]) -> float:
    """Return for how long a service is away in all, in seconds.

    It is away as long as those after which it starts. Where it does not move itself, it is stopped
    and started as often as they move, which takes no longer than a planned move of its own.
    """
    own = seconds.get(part.service.name, 0.0)
    found = own
    for each in parts.awaited(part):
        waited = _missed_s(parts, each, seconds)
        moves = 0.0 if own else waited / budget(each).move_s
        found += waited + moves * budget(part).move_s
    return found


def waits(
    attempts: Collection[Attempt], address: str, stretch: Stretch
) -> Iterator[tuple[float, float]]:
    """Return when each wait for the next answer of an address began and was over.

    The stretch begins and ends as with an answer: what lies before it or behind it is not its.
    """
    answers = (
        attempt.wall
        for attempt in attempts
        if attempt.kind == "probe"
        and attempt.ok
        and attempt.address == address
        and stretch.began < attempt.wall < stretch.ended
    )
    return pairwise((stretch.began, *answers, stretch.ended))


def _silent_s(attempts: Collection[Attempt], address: str, stretch: Stretch, calm: float) -> float:
    """Return the sum of the waits that are longer than `calm`, in seconds."""
    found = (over - began for began, over in waits(attempts, address, stretch))
    return sum(wait_s for wait_s in found if wait_s > calm)
