"""What can be imagined to happen to a lab, in a person's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.errors import HalabError
from inventory.model import Inventory
from inventory.parts import Service
from status.hypothesis import Hypothesis
from wire.simulation import Placement

POWER_OFF, STANDBY = "power-off", "standby"
"""Kinds of events that drills bring about."""


def failure(service: str) -> str:
    """Return the kind of event that is the death of a service."""
    return f"fail {service}"


@dataclass(frozen=True)
class Event:
    """One thing that happens.

    `kind` is what happens, without the machine that it happens `at`: a service's failure may leave
    that open. `apply` brings it about in a hypothesis, where things run as they are placed. `lost`
    and `back` are machines, by name, whose votes go away or come.
    """

    kind: str
    at: str | None
    apply: Callable[[Hypothesis, Placement], None]
    lost: tuple[str, ...] = ()
    back: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """How a person says it."""
        return self.kind if self.at is None else f"{self.kind} {self.at}"


@dataclass(frozen=True)
class Form:
    """A kind of event: how it is said, what it means, and the event from the words that follow.

    `make` raises HalabError for names that the lab does not have.
    """

    usage: str
    meaning: str
    make: Callable[[Inventory, list[str]], Event]
    fewest: int = 1
    most: int = 1


def parse_events(inventory: Inventory, words: Sequence[str]) -> tuple[Event, ...]:
    """Read events that happen at once, with commas between them; none where there are no words.

    Raises HalabError, with what there is to say in this lab, for what is no event of it.
    """
    said = [each.split() for each in " ".join(words).split(",")]
    return tuple(_event(inventory, each) for each in said if each)


def single_failures(inventory: Inventory) -> tuple[Event, ...]:
    """Return everything that can happen by itself: a machine, a node's work, a service's process.

    The monitor is among it where its vote counts.
    """
    monitor = (inventory.monitor.name,) if inventory.quorum == "device" else ()
    nodes = [node.name for node in inventory.nodes]
    return tuple(
        _event(inventory, words)
        for words in (
            *(["power-off", name] for name in (*nodes, *monitor)),
            *(["standby", name] for name in nodes),
            *(
                ["fail", service.name, *where]
                for service in inventory.services
                for where in ([[name] for name in nodes] if service.everywhere else [[]])
            ),
        )
    )


def known_words(inventory: Inventory) -> str:
    """Say what can happen to this lab, in lines."""
    said = ", ".join(form.usage for form in FORMS.values())
    return f"events are {said}\n{known_names(inventory)}"


def known_names(inventory: Inventory) -> str:
    """Say whom events can hit in this lab, in lines."""
    nodes = ", ".join(node.name for node in inventory.nodes)
    services = ", ".join(service.name for service in inventory.services)
    return (
        f"nodes: {nodes}; services: {services}\n{inventory.monitor.name} can lose its power as well"
    )


def _event(inventory: Inventory, words: list[str]) -> Event:
    verb, *names = words
    form = FORMS.get(verb)
    if form is None:
        raise HalabError(f"nothing that can happen is called {verb!r}", hint=known_words(inventory))
    if not form.fewest <= len(names) <= form.most:
        raise HalabError(
            f"{' '.join(words)!r} is not a whole event: {form.usage} is",
            hint=f"a comma stands between events that happen at once\n{known_words(inventory)}",
        )
    return form.make(inventory, names)


def _power_off(inventory: Inventory, names: list[str]) -> Event:
    [name] = names
    if name == inventory.monitor.name:
        return Event(POWER_OFF, name, lambda _, __: None, lost=(name,))
    _check_node(inventory, name)
    return Event(POWER_OFF, name, lambda cib, _: cib.lose(name), lost=(name,))


def _return(inventory: Inventory, names: list[str]) -> Event:
    [name] = names
    _check_node(inventory, name)
    return Event("return", name, lambda cib, _: cib.bring_back(name), back=(name,))


def _standby(inventory: Inventory, names: list[str]) -> Event:
    [name] = names
    _check_node(inventory, name)
    return Event(STANDBY, name, lambda cib, _: cib.stand_by(name))


def _fail(inventory: Inventory, names: list[str]) -> Event:
    service = _service(inventory, names[0])
    for name in names[1:]:
        _check_node(inventory, name)

    def apply(cib: Hypothesis, now: Placement) -> None:
        nodes = names[1:] or now.running(service.resource)
        if not nodes:
            raise HalabError(
                f"{service.name} runs nowhere, so it cannot fail",
                hint=f"`./halab status {inventory.lab}` shows what keeps it from its work",
            )
        for node in nodes:
            cib.fail(service.resource, node)

    return Event(failure(service.name), names[1] if names[1:] else None, apply)


def _ban(inventory: Inventory, names: list[str]) -> Event:
    service, node = _service(inventory, names[0]), names[1]
    _check_node(inventory, node)
    return Event(f"ban {service.name}", node, lambda cib, _: cib.ban(service.group, node))


FORMS = {
    POWER_OFF: Form("power-off NODE", "a node loses its power and is fenced", _power_off),
    STANDBY: Form("standby NODE", "a node is sent into standby for maintenance", _standby),
    "return": Form("return NODE", "a node is back, from being off or from standby", _return),
    "fail": Form(
        "fail SERVICE [NODE]", "a service dies on a node, or wherever it runs", _fail, most=2
    ),
    "ban": Form(
        "ban SERVICE NODE", "a service may not run on a node any more", _ban, fewest=2, most=2
    ),
}
"""Everything that can be imagined, by its first word."""


def usages() -> Iterator[tuple[str, str]]:
    """Yield how each kind of event is said, and what it means."""
    for form in FORMS.values():
        yield form.usage, form.meaning


def _check_node(inventory: Inventory, name: str) -> None:
    if name not in {node.name for node in inventory.nodes}:
        raise HalabError(f"lab {inventory.lab!r} has no node {name!r}", hint=known_words(inventory))


def _service(inventory: Inventory, name: str) -> Service:
    for service in inventory.services:
        if service.name == name:
            return service
    raise HalabError(f"lab {inventory.lab!r} has no service {name!r}", hint=known_words(inventory))
