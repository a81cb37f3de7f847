"""Where everything would go: Pacemaker's own scheduler, asked about what has not happened.

The cluster is asked for its configuration and state, and nothing of it is changed: an event is put
into a copy, and the copy is handed to a program that computes and prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Literal

from core.errors import HalabError
from inventory.frozen import Frozen
from inventory.model import Inventory
from machines.remote import Remote
from parts.quorum.kinds import quorum
from parts.seen import LIMITED
from status.collect import Observer
from status.events import Event
from status.hypothesis import Hypothesis
from wire.corosync import QuorumView
from wire.simulation import (
    QUERY_COMMAND,
    SIMULATION_COMMAND,
    Placement,
    Simulation,
    parse_simulation,
)


class Places(Frozen):
    """Which nodes run each service, and which holds each address: None for nowhere."""

    services: dict[str, tuple[str, ...]]
    addresses: dict[IPv4Address, str | None]

    @property
    def holders(self) -> dict[str, str | None]:
        """Which node holds each address, as it is written."""
        return {str(address): node for address, node in self.addresses.items()}


class Forecast(Frozen):
    """What comes of an event.

    `quorate`: whether those who are left may run anything; None when nobody can count votes.
    `fenced` are nodes. `restarted` are services that die or stop and start again where they were,
    with the nodes. `finished` is false where the cluster wants to do more than it can, because
    something waits for a node that is lost and that nobody may fence.
    """

    event: str
    quorate: bool | None
    fenced: tuple[str, ...]
    places: Places
    restarted: dict[str, tuple[str, ...]]
    finished: bool


class Forecasts(Frozen):
    """What `what-if` says about a lab: the types behind its `--json` (docs/json-schemas.md)."""

    version: Literal[1] = 1
    lab: str
    now: Places
    forecasts: tuple[Forecast, ...]


class Forecaster:
    """Asks one node of a running lab."""

    def __init__(self, inventory: Inventory, node: Remote, votes: QuorumView | None) -> None:
        self._inventory = inventory
        self._node = node
        self._votes = votes
        self._cib = node.run(f"{LIMITED} {QUERY_COMMAND}").stdout
        self._now = self._simulate(Hypothesis(self._cib)).before

    @property
    def now(self) -> Places:
        """Where everything is."""
        return _places(self._inventory, self._now)

    def imagine(self, events: Sequence[Event]) -> Forecast:
        """Return what comes of events that happen at once.

        Raises HalabError when they cannot happen in this lab as it is.
        """
        hypothesis = Hypothesis(self._cib)
        for event in events:
            event.apply(hypothesis, self._now)
        quorate = self._count(events)
        if quorate is not None:
            hypothesis.decide(quorate)
        simulation = self._simulate(hypothesis)
        return Forecast(
            event=", ".join(event.words for event in events),
            quorate=quorate,
            fenced=tuple(sorted(set(simulation.fenced))),
            places=_places(self._inventory, simulation.after),
            restarted=dict(_restarted(self._inventory, simulation)),
            finished=simulation.finished,
        )

    def _count(self, events: Iterable[Event]) -> bool | None:
        if self._votes is None:
            return None
        return quorum(self._inventory).is_quorate(
            self._votes,
            lost={name for event in events for name in event.lost},
            back={name for event in events for name in event.back},
        )

    def _simulate(self, hypothesis: Hypothesis) -> Simulation:
        command = f"{LIMITED} {SIMULATION_COMMAND}"
        # It fails, and says what will be all the same, where the cluster cannot finish.
        done = self._node.run(command, check=False, stdin=hypothesis.text())
        found = parse_simulation(done.stdout)
        if found is None:
            raise HalabError(
                f"crm_simulate on {self._node.name} does not say what would be",
                detail=done.stderr or None,
                hint="does the lab run with the packages that halab has installed?",
            )
        return found


def rested_places(inventory: Inventory, timeout_s: float) -> Places:
    """Return where everything is once the cluster has nothing left to do, or at the timeout.

    Raises HalabError when no node can be asked.
    """
    with _speaking(inventory) as (node, votes):
        # What it still wants to do then is seen by where things are not.
        node.run(
            f"crm_resource --wait --timeout={timeout_s:.0f}s", check=False, timeout=2 * timeout_s
        )
        return Forecaster(inventory, node, votes).now


@contextmanager
def forecasting(inventory: Inventory) -> Iterator[Forecaster]:
    """Find a node that knows the cluster, and ask that one until the block ends.

    Raises HalabError when no node does.
    """
    with _speaking(inventory) as (node, votes):
        yield Forecaster(inventory, node, votes)


@contextmanager
def _speaking(inventory: Inventory) -> Iterator[tuple[Remote, QuorumView | None]]:
    """Find a node that knows the cluster, and the votes that it sees; HalabError when none does."""
    with Observer(inventory) as observer:
        seen = observer.look()
    name = seen.speaker_name
    if name is None:
        raise HalabError(
            f"no node of lab {inventory.lab!r} can be asked: none answers with a running cluster",
            hint=f"`./halab status {inventory.lab}` shows what is wrong",
        )
    votes = seen.speaker.quorum if seen.speaker else None
    with Remote(inventory.machine(name)) as node:
        yield node, votes


def _places(inventory: Inventory, placement: Placement) -> Places:
    return Places(
        services={each.name: placement.running(each.resource) for each in inventory.services},
        addresses={
            address.ip: next(iter(placement.running(resource)), None)
            for service in inventory.services
            if service.addresses
            for resource, address in service.address_ids.items()
        },
    )


def _restarted(
    inventory: Inventory, simulation: Simulation
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for service in inventory.services:
        nodes = sorted(node for resource, node in simulation.again if resource == service.resource)
        if nodes:
            yield service.name, tuple(nodes)
