"""What people have set in a cluster's configuration (CIB): its text in, frozen types out."""

from __future__ import annotations

from xml.etree import ElementTree

from wire.record import Record

CIB_COMMAND = "cat /var/lib/pacemaker/cib/cib.xml"
"""The cluster's copy on disk, a second old at most: to ask for it costs an emulated guest ten times
as much."""

STOPPING = {
    "target-role": ("stopped", "slave", "unpromoted"),
    "is-managed": ("false", "off", "no", "0"),
    "maintenance": ("true", "on", "yes", "1"),
}
"""Meta attributes by which people take a resource out of service, and the values that do so."""

TRUE = ("true", "on", "yes", "1")

MEMBER = "member"
"""The type of a node that is in the membership, where a CIB gives it one."""


class Setting(Record):
    """A meta attribute that keeps a resource from its work."""

    resource: str
    name: str
    value: str


class Preference(Record):
    """A constraint of `crm_resource --move` that pulls a resource to a node."""

    id: str
    resource: str
    node: str


class Deeds(Record):
    """What was set by hand. `standby` names nodes that stay in standby over a reboot."""

    settings: tuple[Setting, ...] = ()
    preferences: tuple[Preference, ...] = ()
    standby: frozenset[str] = frozenset()
    stops_all: bool = False


def known_nodes(text: str) -> frozenset[str]:
    """Return the names of the cluster nodes that a CIB knows; nothing when it is not there.

    Nodes that Pacemaker reaches without a membership of their own have a type.
    """
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError:
        return frozenset()
    nodes = root.iterfind("configuration/nodes/node")
    return frozenset(node.get("uname", "") for node in nodes if node.get("type") in (None, MEMBER))


def parse_deeds(text: str) -> Deeds:
    """Read a CIB; nothing when it is not there or half written."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError:
        return Deeds()
    return Deeds(
        settings=tuple(
            Setting(owner.get("id", ""), pair.get("name", ""), pair.get("value", ""))
            for owner in root.iterfind("configuration/resources//*[@id]")
            for pair in owner.iterfind("meta_attributes/nvpair")
            if pair.get("value", "").lower() in STOPPING.get(pair.get("name", ""), ())
        ),
        preferences=tuple(
            Preference(item.get("id", ""), item.get("rsc", ""), _preferred(item))
            for item in root.iterfind("configuration/constraints/rsc_location")
            if item.get("id", "").startswith("cli-prefer-")
        ),
        standby=frozenset(
            node.get("uname", "")
            for node in root.iterfind("configuration/nodes/node")
            for pair in node.iterfind("instance_attributes/nvpair[@name='standby']")
            if pair.get("value", "").lower() in TRUE
        ),
        stops_all=any(
            pair.get("value", "").lower() in TRUE
            for pair in root.iterfind(
                "configuration/crm_config//nvpair[@name='stop-all-resources']"
            )
        ),
    )


def _preferred(constraint: ElementTree.Element) -> str:
    """Return the node; with a lifetime it stands in a rule's expression instead."""
    expression = constraint.find(".//expression[@attribute='#uname']")
    ruled = "" if expression is None else expression.get("value", "")
    return constraint.get("node", ruled)
