"""Constraints of a cluster's configuration, under Pacemaker's names: where resources run, and when.

They name resources by their ids. Scores are weighed against each other; INFINITY outweighs all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from parts.cluster import Role
from wire.pacemaker import NEVER_ON

AT_HOME = "at-home"
"""Ends the ids of constraints that say where something is at home."""

READY_AT_HOME = f"ready-{AT_HOME}"
"""Ends those of homes that count only while something is ready there."""

Score = int | Literal["INFINITY", "-INFINITY"]


WITH, APART, AFTER = "with", "apart-from", "after"
"""Stand in the ids of constraints between two resources."""


def _id(one: str, word: str, other: str) -> str:
    return f"{one}-{word}-{other}"


@dataclass(frozen=True)
class Colocation:
    """`rsc` runs where `with_rsc` runs, in this role if it is promotable; or never does.

    `influence`: where `rsc` wants to be counts for where `with_rsc` runs.
    """

    rsc: str
    with_rsc: str
    with_rsc_role: Role | None = None
    score: Score = "INFINITY"
    influence: bool = True

    def element(self) -> Element:
        """Return it as XML."""
        found = Element(
            "rsc_colocation",
            {
                "id": _id(self.rsc, APART if self.score == "-INFINITY" else WITH, self.with_rsc),
                "rsc": self.rsc,
                "with-rsc": self.with_rsc,
                "score": str(self.score),
            },
        )
        if self.with_rsc_role is not None:
            found.set("with-rsc-role", self.with_rsc_role)
        if not self.influence:
            found.set("influence", "false")
        return found


@dataclass(frozen=True)
class Order:
    """`then` begins only when `first` is done, and ends before that is undone if `symmetrical`."""

    first: str
    first_action: Literal["start", "promote"]
    then: str
    then_action: Literal["start", "promote"] = "start"
    symmetrical: bool = True

    def element(self) -> Element:
        """Return it as XML."""
        found = Element(
            "rsc_order",
            {
                "id": _id(self.then, AFTER, self.first),
                "first": self.first,
                "first-action": self.first_action,
                "then": self.then,
                "then-action": self.then_action,
                "kind": "Mandatory",
            },
        )
        if not self.symmetrical:
            found.set("symmetrical", "false")
        return found


@dataclass(frozen=True)
class Expression:
    """What a node's attribute has to be; `name` says in a word, for the id, what that means."""

    name: str
    attribute: str
    operation: Literal["eq", "ne", "lt", "gt", "lte", "gte"]
    value: int | str


def _rule(owner: str, score: Score, *expressions: Expression) -> Element:
    """Return how much nodes count, in the constraint `owner`, on which all of these are true."""
    found = Element("rule", id=f"{owner}-rule", score=str(score))
    if len(expressions) > 1:
        found.set("boolean-op", "and")
    for each in expressions:
        SubElement(
            found,
            "expression",
            id=f"{owner}-{each.name}",
            attribute=each.attribute,
            operation=each.operation,
            value=str(each.value),
            type="number" if isinstance(each.value, int) else "string",
        )
    return found


@dataclass(frozen=True)
class Location:
    """How much `rsc` wants to run on nodes on which an expression is true."""

    id: str
    rsc: str
    score: Score
    expression: Expression

    def element(self) -> Element:
        """Return it as XML."""
        found = Element("rsc_location", id=self.id, rsc=self.rsc)
        found.append(_rule(self.id, self.score, self.expression))
        return found


@dataclass(frozen=True)
class Preference:
    """How much `rsc` wants to run on one node, which is its home.

    With `ready` that counts only while the expression is true there; another one without may stand
    beside it.
    """

    rsc: str
    node: str
    score: Score
    ready: Expression | None = None

    def element(self) -> Element:
        """Return it as XML."""
        if self.ready is None:
            return Element(
                "rsc_location",
                id=f"{self.rsc}-{AT_HOME}",
                rsc=self.rsc,
                node=self.node,
                score=str(self.score),
            )
        found = Element("rsc_location", id=f"{self.rsc}-{READY_AT_HOME}", rsc=self.rsc)
        node = Expression("node", "#uname", "eq", self.node)
        found.append(_rule(found.get("id", ""), self.score, node, self.ready))
        return found


@dataclass(frozen=True)
class Exclusion:
    """`rsc` never runs on a node that lacks what it needs, and is never looked for there.

    The cluster would take it for a failure that an agent finds nothing of what it shall look at.
    """

    rsc: str
    node: str

    def element(self) -> Element:
        """Return it as XML."""
        return Element(
            "rsc_location",
            {
                "id": f"{self.rsc}-{NEVER_ON}-{self.node}",
                "rsc": self.rsc,
                "node": self.node,
                "score": "-INFINITY",
                "resource-discovery": "never",
            },
        )


Constraint = Colocation | Order | Location | Preference | Exclusion


def is_own(constraint: Element) -> bool:
    """Tell whether a constraint of a running cluster bears the name that halab gives to such a one.

    Of those that say where services run and when, as a definition may: no other tool names so.
    """
    name, get = constraint.get("id", ""), constraint.attrib.get
    return name.endswith(f"-{AT_HOME}") or name in (
        *(_id(get("rsc", ""), word, get("with-rsc", "")) for word in (WITH, APART)),
        _id(get("then", ""), AFTER, get("first", "")),
    )
