"""Knocks at ports from any machine, with a program that needs nothing but its Python."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from machines.remote import Remote
from tests.state.vantages import Vantage, Way

SCANNER = (Path(__file__).with_name("scanner.py")).read_text()

PATIENCE_S = 2.5
"""Long enough for a lost packet's second chance, which Linux gives after 1 s."""


@dataclass(frozen=True)
class Ports:
    """What somebody knocks at: TCP and UDP ports."""

    tcp: Sequence[int]
    udp: Sequence[int]


def shared(
    named: Sequence[int], others: Ports, ways: Sequence[Way], alike: Callable[[Way], object]
) -> dict[Way, Ports]:
    """Let every way try the named ports, and ways that are alike try the others between them.

    Machines of a role have the same rules, so each port that nobody names is tried once from each
    kind of place; a lab's scan takes no longer for having more nodes.
    """
    groups = defaultdict(list)
    for way in ways:
        groups[alike(way)].append(way)
    return {
        way: Ports(
            tcp=sorted({*named, *others.tcp[turn :: len(group)]}),
            udp=sorted({*named, *others.udp[turn :: len(group)]}),
        )
        for group in groups.values()
        for turn, way in enumerate(group)
    }


def knock(
    vantage: Vantage, ports: Callable[[Way], Ports]
) -> dict[Way, tuple[frozenset[int], frozenset[int]]]:
    """Return the TCP ports that answered each way, and those of them that accepted."""
    probes = [
        {
            "source": str(way.source),
            "target": str(way.target),
            "tcp": ports(way).tcp,
            "udp": ports(way).udp,
        }
        for way in vantage.ways
    ]
    asked = json.dumps({"probes": probes, "patience": PATIENCE_S})
    told = json.loads(vantage.execute(["python3", "-I", "-S", "-c", SCANNER], asked))
    return {
        way: (frozenset({*one["open"], *one["refused"]}), frozenset(one["open"]))
        for way, one in zip(vantage.ways, told, strict=True)
    }


def answers(remote: Remote, probe: dict[str, object]) -> set[int]:
    """Return the TCP ports of one probe that answered."""
    asked = json.dumps({"probes": [probe], "patience": PATIENCE_S})
    [one] = json.loads(
        remote.run(shlex.join(["python3", "-I", "-S", "-c", SCANNER]), stdin=asked).stdout
    )
    return {*one["open"], *one["refused"]}
