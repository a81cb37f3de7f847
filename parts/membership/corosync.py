"""Membership over two links, and who has how many votes."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Collection, Iterable, Iterator

from inventory.model import Inventory, Machine
from labs.roles import MachineRole, NetworkRole
from parts.base import Found, Part
from parts.facts import COROSYNC, Facts
from parts.host import AT_BOOT, UNITS, Entry, File, Step, program, render, unit_link
from parts.secrets import Secrets
from parts.seen import LIMITED, Seen
from wire.corosync import QUORUM_COMMAND, QuorumView, parse_quorum

CONFIGURATION = "/etc/corosync/corosync.conf"
AUTHKEY = "/etc/corosync/authkey"
LOOK = "running version"
VOTES = "votes"
QUORATE = f"{QUORUM_COMMAND} 2>/dev/null | grep -q '^Quorate: *Yes'"
"""Shell text that is true on a node whose corosync has a quorum."""
LINKS = (0, 1)
"""Numbers of the links: one over each cluster network."""

DROP_IN = f"{UNITS}/corosync.service.d/halab.conf"


class Corosync(Part):
    """Corosync on every node."""

    node_packages = ("corosync",)

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return corosync's unit."""
        return (COROSYNC,)

    def looks(self, machine: Machine) -> dict[str, str]:
        """Ask for the version of the configuration that corosync runs with, and for its votes."""
        asked = {LOOK: "corosync-cmapctl -g totem.config_version", VOTES: QUORUM_COMMAND}
        runs = "if systemctl is-active --quiet corosync; then"
        return {name: f"{runs} {LIMITED} {ask} 2>/dev/null || :; fi" for name, ask in asked.items()}

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe what corosync reads, and that the quorum device starts after it."""
        files: list[Entry] = [
            File(CONFIGURATION, next_configuration(self.inventory, found.corosync_confs)),
            File(AUTHKEY, base64.b64decode(secrets.corosync_authkey), mode=0o400),
            unit_link(COROSYNC, AT_BOOT),
        ]
        if self.inventory.quorum == "device":
            files.append(File(DROP_IN, render("corosync-drop-in.conf.j2")))
        return tuple(files)

    def watched(self, role: MachineRole) -> tuple[str, ...]:
        """Return corosync."""
        return ("corosync",)

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell of votes, and of links that are down or not there."""
        for name, node in seen.reached.items():
            quorum = node.quorum
            if quorum is None:
                yield f"corosync does not answer on {name}"
                continue
            if not quorum.quorate:
                yield f"{name} is not in a quorate partition"
            if quorum.votes < quorum.expected:
                yield f"{name} sees {quorum.votes} of {quorum.expected} votes"
        yield from self._links(seen)

    def _links(self, seen: Seen) -> Iterator[str]:
        names = {node.number: node.name for node in self.inventory.nodes}
        for name, node in seen.reached.items():
            for link in node.links:
                if not link.connected:
                    peer = names.get(link.peer, f"node {link.peer}")
                    yield f"cluster link {link.number} from {name} to {peer} is down"
            if node.quorum is None:
                continue
            there = {(link.number, link.peer) for link in node.links}
            for peer_id, peer in names.items():
                for number in LINKS:
                    if peer != name and (number, peer_id) not in there:
                        yield f"cluster link {number} from {name} to {peer} does not exist"

    def must_stop(self, machine: Machine, secrets: Secrets, found: Found) -> bool:
        """Tell whether the cluster runs here with another key than it shall.

        A daemon reads its key when it starts. What runs with another key than the one on its disk
        goes on working until it has to start again, and then nobody knows it any more. So keys
        change on all members at once, or not at all. A node that is together with one that has the
        right key runs with it too, whatever was done to its file.
        """
        wanted = hashlib.sha256(base64.b64decode(secrets.corosync_authkey)).hexdigest()
        right = {
            node.number
            for node in self.inventory.nodes
            if found[node].digests.get(AUTHKEY) == wanted
        }
        facts = found[machine]
        return facts.is_member and machine.number not in right and not facts.members & right

    def admit(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Make a running cluster take over a changed configuration; one node tells the others.

        Each of them reads its own file: all have the new one by then. Who comes is known before he
        comes, and who goes is forgotten. It is said again where an earlier run ended before it.
        """
        members = [node for node in self.inventory.nodes if found[node].is_member]
        if not members or machine.number != members[0].number:
            return ()
        if not any(is_behind(found[node], written) for node in members):
            return ()
        numbers = shlex.join(str(node.number) for node in self.inventory.nodes)
        command = f"set -- {numbers}\n{program('take_over_configuration.sh')}"
        return (Step("corosync took over its configuration", command),)

    def join(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Start fencing and membership on a node; sbd starts with corosync."""
        if found[machine].is_member:
            return ()
        return (Step("membership started", "systemctl start corosync"),)

    def start(self, machine: Machine, found: Found) -> tuple[Step, ...]:
        """Have a new node's links to everybody who is there, and a quorum with them.

        Its Pacemaker has to find theirs when it starts, and no cluster of its own.
        """
        if not found.is_new(machine):
            return ()
        others = [
            node
            for node in self.inventory.nodes
            if node.number != machine.number and found[node].is_member
        ]
        wait_s = self.timing.membership_wait_s
        words = (str(wait_s), QUORATE, *connections(others))
        command = f"set -- {shlex.join(words)}\n{program('await.sh', 'await_cluster.sh')}"
        return (Step("connected with all other nodes", command, extra_s=wait_s),)


def connections(nodes: Iterable[Machine]) -> list[str]:
    """Return the statistics of corosync that tell whether there is a link to these nodes."""
    return [
        f"stats.knet.node{node.number}.link{number}.connected" for node in nodes for number in LINKS
    ]


def votes(facts: Facts) -> QuorumView | None:
    """Return how corosync on a node counts votes; None where it does not run or answer."""
    return parse_quorum(facts.looks.get(VOTES, ""))


def is_behind(facts: Facts, written: Collection[str]) -> bool:
    """Tell whether corosync runs with another configuration than the one that stands there.

    It was `written` just now; or by a run that ended before anybody took it over.
    """
    if CONFIGURATION in written:
        return True
    running = re.search(r" = (\d+)$", facts.looks.get(LOOK, "").strip())
    return running is not None and int(running[1]) != _version(facts.corosync_conf)


def configuration(inventory: Inventory, version: int) -> str:
    """Render corosync.conf; `version` is its config_version."""
    return render(
        "corosync.conf.j2",
        lab=inventory.lab,
        version=version,
        timing=inventory.timing,
        nodes=[
            {
                "name": node.name,
                "number": node.number,
                "link_0": node.interfaces[NetworkRole.CLUSTER_A].address.ip,
                "link_1": node.interfaces[NetworkRole.CLUSTER_B].address.ip,
            }
            for node in inventory.nodes
        ],
        quorum=inventory.quorum,
        monitor=inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip,
    )


def next_configuration(inventory: Inventory, found: list[str]) -> str:
    """Render corosync.conf for all nodes, given what each of them holds now.

    The version stays when they all hold the wanted text and rises above all of theirs when not:
    corosync wants it to grow with every change of a running cluster.
    """
    versions = [_version(text) for text in found] or [0]
    same = configuration(inventory, versions[0])
    if found and all(text == same for text in found):
        return same
    return configuration(inventory, max(versions) + 1)


def _version(text: str) -> int:
    match = re.search(r"^\s*config_version:\s*(\d+)\s*$", text, re.MULTILINE)
    return int(match[1]) if match else 0
