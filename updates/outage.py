"""How long clients outside waited during an update, and how long they may."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise

from drills.expectations import stall_s
from drills.healing import forget_entries
from drills.ledger import Books, Entry, compare, read_ledger
from drills.probes import Attempt, Probe, new_run, probing
from drills.site import Site
from parts.budget import budget
from parts.services.base import ServicePart
from status.collect import collect

MOVES = 2
"""Planned moves that an update costs whom a node serves: away from it, and where it is at home,
back."""


@dataclass(frozen=True)
class Stretch:
    """The time in which one node was updated, on the monitor's clock.

    `serving`: the names of the services that clients found at the node, or that have an address at
    home there.
    """

    node: str
    began: float
    ended: float
    serving: frozenset[str]


@dataclass(frozen=True)
class Silence:
    """How long a service was silent in all while a node was updated, at its worst address.

    Gaps that nobody would call an outage (`stall_s`) are not counted.
    """

    node: str
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
            f"{self.node}: {self.service} at {self.address} was silent for {self.seconds:.1f} s "
            f"of {self.allowed_s:.1f} s"
        )


@dataclass(frozen=True)
class Account:
    """What clients saw of an update; `books` are comparisons of ledgers, by service."""

    silences: tuple[Silence, ...]
    books: dict[str, Books]

    @property
    def kept(self) -> bool:
        """Whether the services kept all that they promise."""
        ledgers = all(books.complete for books in self.books.values())
        return ledgers and all(silence.kept for silence in self.silences)

    def lines(self) -> Iterator[str]:
        """Say it."""
        yield from map(str, self.silences)
        for name, books in self.books.items():
            yield f"{name}: {books}"


class Clients:
    """Clients on the monitor, one for each service that clients find, until the block ends."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stack = ExitStack()
        self._probes: list[tuple[ServicePart, Probe]] = []

    def __enter__(self) -> Clients:
        """Start them; raises WaitTimeout where a service does not answer."""
        run = new_run()
        with ExitStack() as stack:
            for part in self._site.parts.public:
                probe = stack.enter_context(probing(part, run))
                stack.callback(forget_entries, self._site, part, run)
                self._probes.append((part, probe))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them and remove what they wrote."""
        self._stack.close()

    def account(self, stretches: Sequence[Stretch]) -> Account:
        """Stop the clients and say what they saw.

        Raises HalabError when a ledger cannot be read.
        """
        silences: list[Silence] = []
        books: dict[str, Books] = {}
        for part, probe in self._probes:
            attempts = probe.stop()
            silences += (silence(part, attempts, stretch) for stretch in stretches)
            if part.keeps_writes:
                books[part.service.name] = compare(attempts, self._entries(part, probe))
        order = [stretch.node for stretch in stretches]
        silences.sort(key=lambda each: order.index(each.node))
        return Account(tuple(silences), books)

    def _entries(self, part: ServicePart, probe: Probe) -> list[Entry]:
        found = collect(self._site.inventory).service(part.service.name).nodes
        return [
            entry
            for node in found[:1]
            for entry in read_ledger(part, self._site.inventory.machine(node), probe.run)
        ]


def silence(part: ServicePart, attempts: Sequence[Attempt], stretch: Stretch) -> Silence:
    """Return how long a service was silent in a stretch of time."""
    calm = stall_s(part.timing)
    served = part.service.name in stretch.serving
    by_address = {
        str(address.ip): _silent_s(attempts, str(address.ip), stretch, calm)
        for address in part.service.addresses
    }
    address = max(by_address, key=lambda each: by_address[each])
    allowed = MOVES * budget(part).move_s if served else calm
    return Silence(stretch.node, part.service.name, address, by_address[address], allowed)


def _silent_s(attempts: Collection[Attempt], address: str, stretch: Stretch, calm: float) -> float:
    """Return the sum of the gaps between two answers that are longer than `calm`, in seconds.

    The stretch begins and ends as with an answer: what lies before it or behind it is not its.
    """
    answers = [
        attempt.wall
        for attempt in attempts
        if attempt.kind == "probe"
        and attempt.ok
        and attempt.address == address
        and stretch.began < attempt.wall < stretch.ended
    ]
    gaps = (after - before for before, after in pairwise((stretch.began, *answers, stretch.ended)))
    return sum(gap for gap in gaps if gap > calm)
