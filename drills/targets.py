"""Whom a fault shall hit: words of a person, resolved on a lab as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from core.errors import HalabError
from labs.roles import MachineRole
from labs.words import TargetWord
from parts.services.base import ServicePart
from status.model import LabStatus

Choose = Callable[[LabStatus, ServicePart, Random], list[str]]


def _nodes(status: LabStatus) -> list[str]:
    return [node.name for node in status.nodes if node.role is MachineRole.NODE]


def _serving(status: LabStatus, part: ServicePart) -> list[str]:
    """The nodes at which clients find the service: faults are aimed at that."""
    return sorted(status.service(part.service.name).nodes)


def _active(status: LabStatus, part: ServicePart, random: Random) -> list[str]:
    serving = _serving(status, part)
    return [random.choice(serving)] if serving else []


def _standby(status: LabStatus, part: ServicePart, random: Random) -> list[str]:
    """Whoever can take the service over: nobody else stands by."""
    serving = _serving(status, part)
    others = [name for name in part.places if name not in serving]
    return [random.choice(others)] if serving and others else []


def _coordinator(status: LabStatus, _: ServicePart, __: Random) -> list[str]:
    return [status.dc] if status.dc else []


def _any(status: LabStatus, _: ServicePart, random: Random) -> list[str]:
    return [random.choice(_nodes(status))]


def _all(status: LabStatus, _: ServicePart, __: Random) -> list[str]:
    return _nodes(status)


def _monitor(status: LabStatus, _: ServicePart, __: Random) -> list[str]:
    return [node.name for node in status.nodes if node.role is MachineRole.MONITOR]


WORDS: Mapping[TargetWord, Choose] = {
    TargetWord.ACTIVE: _active,
    TargetWord.STANDBY: _standby,
    TargetWord.COORDINATOR: _coordinator,
    TargetWord.ANY: _any,
    TargetWord.ALL: _all,
    TargetWord.MONITOR: _monitor,
}
"""What may be said instead of a machine's name."""


def resolve(word: str, status: LabStatus, part: ServicePart, random: Random) -> tuple[str, ...]:
    """Return the machines that `word` (one of WORDS, or a machine's name) means, by name.

    Who is active serves the clients of this service, and who stands by could. Words that leave a
    choice draw from `random`: the same seed on the same lab chooses the same. Raises HalabError for
    an unknown word, and when nobody is what the word says.
    """
    if word in {node.name for node in status.nodes}:
        return (word,)
    if word not in set(TargetWord):
        names = ", ".join(node.name for node in status.nodes)
        raise HalabError(
            f"nobody in lab {status.lab!r} is called {word!r}",
            hint=f"targets are {', '.join(WORDS)}, or a machine: {names}",
        )
    found = sorted(WORDS[TargetWord(word)](status, part, random))
    if not found:
        raise HalabError(
            f"no machine of lab {status.lab!r} is {word!r} now",
            hint=f"`./halab status {status.lab}` shows who does what",
        )
    return tuple(found)
