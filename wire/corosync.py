"""Corosync's view: votes and links, as its tools print them."""

from __future__ import annotations

from enum import StrEnum

from wire.record import Record

QUORUM_COMMAND = "corosync-quorumtool -s"
LINKS_COMMAND = "corosync-cfgtool -s"


class QdeviceState(StrEnum):
    """What the quorum device does: it votes, it is known but silent, or nobody knows of it."""

    VOTING = "voting"
    SILENT = "silent"
    ABSENT = "absent"


class QuorumView(Record):
    """What one node knows of the votes; `members` are the node ids that are present.

    `qdevice` is None where no member has a quorum device: there is none, or nobody runs it.
    """

    quorate: bool
    votes: int
    expected: int
    qdevice: QdeviceState | None
    members: frozenset[int]


class Link(Record):
    """One knet link from this node to the node with id `peer`."""

    number: int
    peer: int
    connected: bool


def parse_quorum(text: str) -> QuorumView | None:
    """Read QUORUM_COMMAND; None when corosync does not answer or nobody counts votes."""
    head, _, table = text.partition("Membership information")
    pairs = (line.partition(":") for line in head.splitlines())
    fields = {key: value.split() for key, _, value in pairs}
    if not {"Quorate", "Total votes", "Expected votes"} <= fields.keys():
        return None
    lines = [words for line in table.splitlines() if (words := line.split())]
    # The quorum device itself is listed as node 0.
    rows = [words for words in lines if words[0].isdigit() and words[0] != "0"]
    return QuorumView(
        quorate=fields["Quorate"] == ["Yes"],
        votes=int(fields["Total votes"][0]),
        expected=int(fields["Expected votes"][0]),
        qdevice=_qdevice(rows) if ["Nodeid", "Votes", "Qdevice", "Name"] in lines else None,
        members=frozenset(int(words[0]) for words in rows),
    )


def _qdevice(rows: list[list[str]]) -> QdeviceState:
    """Judge the local node's flags: A(live), V(ote) and MW (master wins), each N for not; or NR."""
    flags = next((words[2] for words in rows if words[-1] == "(local)"), "NR")
    if flags == "NR":
        return QdeviceState.ABSENT
    return QdeviceState.VOTING if flags.startswith("A,V,") else QdeviceState.SILENT


def parse_links(text: str) -> tuple[Link, ...]:
    """Read LINKS_COMMAND; nothing when corosync does not answer."""
    links: list[Link] = []
    number: int | None = None
    for words in map(str.split, text.splitlines()):
        if words[:2] == ["LINK", "ID"]:
            number = int(words[2])
        elif words[:1] == ["nodeid:"] and number is not None and words[2] != "localhost":
            links.append(Link(number, int(words[1].rstrip(":")), words[2] == "connected"))
    return tuple(links)
