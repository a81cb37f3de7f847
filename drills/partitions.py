"""Shapes of network partitions for any number of nodes, as sets of deaf ears. Pure.

A shape is the set of pairs (receiver, sender) for which the receiver hears nothing of the sender.
Every shape keeps the order of `nodes`: who wants chance shuffles them before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

Cut = tuple[str, str]
"""Receiver and sender."""

Shape = frozenset[Cut]


def apart(*sides: Sequence[str]) -> Shape:
    """Nobody hears anybody of another side."""
    return frozenset(
        (receiver, sender)
        for here, there in product(sides, repeat=2)
        if here is not there
        for receiver, sender in product(here, there)
    )


def isolated(nodes: Sequence[str], *alone: str) -> Shape:
    """Some against the rest; each side stays whole. Raises ValueError when a side is empty."""
    rest = [node for node in nodes if node not in alone]
    if not rest or not set(alone) <= set(nodes) or not alone:
        raise ValueError("both sides of a partition need a node")
    return apart(alone, rest)


def one_way(nodes: Sequence[str], *deaf: str) -> Shape:
    """The deaf hear nothing of the others, who still hear them.

    Raises ValueError when nobody or everybody is deaf.
    """
    return frozenset((r, s) for r, s in isolated(nodes, *deaf) if r in deaf)
