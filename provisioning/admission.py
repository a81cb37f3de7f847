"""Whether a running cluster can be configured as it is: asked before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from core.errors import HalabError
from inventory.model import Machine
from parts.membership.corosync import votes
from provisioning.plan import Plan
from wire.corosync import QuorumView


def check(plan: Plan, stopping: Collection[Machine]) -> None:
    """Raise HalabError when a part cannot be configured, or the membership cannot be taken over.

    It cannot where the cluster would lose its quorum, or a member that nobody names. `stopping` are
    the nodes whose cluster is stopped before that.
    """
    _check_parts(plan)
    _check_named(plan)
    for view in _views(plan, stopping):
        present = view.members - {node.number for node in stopping}
        expected = plan.parts.quorum.expected_votes
        if view.quorate and _costs(plan, view) and len(present) <= expected // 2:
            lab = plan.inventory.lab
            raise HalabError(
                f"lab {lab!r} would lose its quorum: of {expected} votes that are expected then, "
                f"{expected // 2 + 1} are needed before anybody new has one, and there are "
                f"{len(present)}; nothing was configured",
                hint="let the nodes come in several steps, one at a time; or, where a node is "
                "away that was there before, `up` with the old names first: "
                f"`./halab status {lab}` shows who is",
            )


def _check_parts(plan: Plan) -> None:
    """Raise HalabError with all that hinders a part."""
    hindered = [why for part in plan.parts.every for why in part.hinders(plan.found)]
    if hindered:
        lab = plan.inventory.lab
        raise HalabError(
            f"lab {lab!r} cannot be configured as it is: {'; '.join(hindered)}; nothing was "
            "configured",
            hint=f"`./halab status {lab}` says what is wrong, `./halab heal {lab}` mends what "
            "drills leave; then `up` again",
        )


def _check_named(plan: Plan) -> None:
    """Raise HalabError when a node is a member that the lab does not have."""
    lab = plan.inventory.lab
    numbers = {node.number for node in plan.inventory.nodes}
    for node in plan.inventory.nodes:
        strangers = sorted(plan.found[node].members - numbers)
        if strangers:
            raise HalabError(
                f"{node.name} has node {', '.join(map(str, strangers))} as a member, and lab "
                f"{lab!r} has no such node; nothing was configured",
                hint="it came back while it left: write its name into [nodes] again, `up`, then "
                "let it leave; or, if it is no machine of this lab, stop corosync there",
            )


def _views(plan: Plan, stopping: Collection[Machine]) -> Iterator[QuorumView]:
    """Yield how the members that go on count their votes."""
    for node in plan.inventory.nodes:
        view = votes(plan.found[node])
        if view is not None and node not in stopping:
            yield view


def _costs(plan: Plan, view: QuorumView) -> bool:
    """Tell whether votes are expected that nobody has yet, or one is given up.

    A quorum device votes again only once it knows the new nodes, so its vote is none meanwhile.
    """
    quorum = plan.parts.quorum
    given_up = view.qdevice is not None and quorum.expected_votes == len(plan.inventory.nodes)
    return given_up or quorum.expected_votes > view.expected
