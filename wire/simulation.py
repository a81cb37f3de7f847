"""What Pacemaker says that it would do, as `crm_simulate --output-as=xml` prints it."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from wire.pacemaker import Instance, Member, instances_in, members_in
from wire.record import Record

QUERY_COMMAND = "cibadmin --query"
"""The configuration and the state of the whole cluster; the copy on disk lacks the state."""

SIMULATION_COMMAND = "crm_simulate --simulate --xml-pipe --output-as=xml"
"""Reads a CIB from standard input, and asks and changes no cluster.

It has options that bring an event about itself. Pacemaker 3.0.0 with any of them ends its XML right
after the event, so whoever asks puts the event into the CIB instead.
"""

AGAIN = ("recover", "restart")
"""Actions after which a resource runs where it ran before."""


class Placement(Record):
    """Which nodes there are, and what runs on them."""

    members: tuple[Member, ...]
    instances: tuple[Instance, ...]

    def running(self, resource: str) -> tuple[str, ...]:
        """Return the nodes on which a resource runs, by name.

        What is said to run on a node that the cluster has lost and cannot fence serves nobody.
        """
        alive = {each.name for each in self.members if each.online and not each.unclean}
        return tuple(
            sorted(
                {
                    each.node
                    for each in self.instances
                    if each.id == resource and each.active and each.node in alive
                }
            )
        )


class Simulation(Record):
    """How the cluster is, and how it will be once it has done all that it wants to.

    `again` are resources that are started anew on a node on which they run, with that node.
    `finished` is false where it wants to do more than it can: something waits for a node that is
    lost and not fenced.
    """

    before: Placement
    after: Placement
    fenced: tuple[str, ...]
    again: frozenset[tuple[str, str]]
    finished: bool


def parse_simulation(text: str) -> Simulation | None:
    """Read what SIMULATION_COMMAND prints; None when it does not get to the end."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError:
        return None
    before, after = root.find("cluster_status"), root.find("revised_cluster_status")
    if before is None or after is None:
        return None
    return Simulation(
        before=_placement(before),
        after=_placement(after),
        fenced=tuple(
            action.get("node", "")
            for action in root.iterfind("actions/node_action")
            if action.get("task", "").startswith("Fence")
        ),
        again=frozenset(
            # Instances of a clone have numbers, which mean nothing.
            (action.get("resource", "").partition(":")[0], action.get(key, ""))
            for action in root.iterfind("actions/rsc_action")
            if action.get("action") in AGAIN
            for key in ("node", "source")
            if key in action.attrib
        ),
        finished=root.find("status[@code='0']") is not None,
    )


def _placement(status: Element) -> Placement:
    return Placement(members_in(status), instances_in(status))
