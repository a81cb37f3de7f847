"""Corosync's view: votes and links. Text of its tools in, frozen types out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from status.model import QdeviceState

QUORUM_COMMAND = "corosync-quorumtool -s"
LINKS_COMMAND = "corosync-cfgtool -s"


@dataclass(frozen=True)
class QuorumView:
    """What one node knows of the votes; `members` are the node ids that are present."""

    quorate: bool
    votes: int
    expected: int
    qdevice: QdeviceState
    members: frozenset[int]


@dataclass(frozen=True)
class Link:
    """One knet link from this node to the node with id `peer`."""

    number: int
    peer: int
    connected: bool


_MEMBER = re.compile(r"^\s*(\d+)\s+(\d+)\s+(?:(NR|N?A,N?V,N?MW)\s+)?(\S.*)$")


def parse_quorum(text: str) -> QuorumView | None:
    """Read `corosync-quorumtool -s`; None when corosync does not answer."""
    fields = dict(re.findall(r"^([A-Z][\w ]*\w):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))
    if not {"Quorate", "Total votes", "Expected votes"} <= fields.keys():
        return None
    rows = [_MEMBER.match(line) for line in text.partition("Membership information")[2].split("\n")]
    members = [row for row in rows if row]
    return QuorumView(
        quorate=fields["Quorate"] == "Yes",
        votes=int(fields["Total votes"].split()[0]),
        expected=int(fields["Expected votes"].split()[0]),
        qdevice=_qdevice(
            next((row[3] for row in members if row[4].endswith("(local)")), None),
        ),
        # The quorum device itself is listed as node 0.
        members=frozenset(int(row[1]) for row in members if row[1] != "0"),
    )


def _qdevice(flags: str | None) -> QdeviceState:
    """Judge the local node's flags: A(live), V(ote) and MW (master wins), each N for not; or NR."""
    if flags is None or flags == "NR":
        return QdeviceState.ABSENT
    alive, votes, _ = flags.split(",")
    return QdeviceState.VOTING if (alive, votes) == ("A", "V") else QdeviceState.SILENT


def parse_links(text: str) -> tuple[Link, ...]:
    """Read `corosync-cfgtool -s`; nothing when corosync does not answer."""
    links: list[Link] = []
    number: int | None = None
    for line in text.splitlines():
        heading = re.match(r"LINK ID (\d+)", line)
        if heading:
            number = int(heading[1])
        peer = re.match(r"\s*nodeid:\s*(\d+):\s*(\S+)", line)
        if peer and number is not None and peer[2] != "localhost":
            links.append(Link(number, int(peer[1]), peer[2] == "connected"))
    return tuple(links)
