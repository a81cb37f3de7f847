"""Captures anew what Pacemaker's own scheduler says of labs, for `tests/unit/fixtures`.

A configuration that changes makes these answers old, which tests notice. As root, where the disk
of a guest image (`~/.cache/halab/images/node-*/disk.qcow2`, made raw by `qemu-img convert`) is
mounted:

    ~/.cache/halab/venv-*/bin/python -P -m tests.capture MOUNTED [FOLDER ...]
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from inventory.model import Inventory, Machine
from machines.remote import Remote, Result
from parts.all import Parts
from provisioning import cib
from status.events import parse_events, single_failures
from status.forecast import Forecaster
from status.hypothesis import Hypothesis
from tests.unit import loaded
from tests.unit.composed_labs import LABS
from tests.unit.planned_lab import planned
from tests.unit.scheduled import FIXTURES, votes
from wire.simulation import QUERY_COMMAND, SIMULATION_COMMAND

SINCE = "1764150000"
"""When all nodes have joined; any moment that has passed (seconds since 1970)."""

SCHEMA = {"crm_feature_set": "3.20.0", "validate-with": "pacemaker-4.0"}
"""What Pacemaker 3.0.0 calls its own configuration (cib.xml of a lab)."""


@dataclass(frozen=True)
class Story:
    """One lab of which something is asked, besides every failure of a single thing if `all_single`.

    `events` are a person's words, and of nodes that come home "return", "promote" and "ready".
    """

    parts: Callable[[], Parts]
    events: Sequence[str] = ()
    all_single: bool = True


def _lab(name: str) -> Callable[[], Parts]:
    return lambda: Parts(planned(name, accelerated=True))


STORIES: Mapping[str, Story] = {
    "what-if/active-passive": Story(
        _lab("active-passive"), ("ban web node1", "power-off node1, power-off monitor")
    ),
    "what-if/active-active": Story(_lab("active-active"), ("power-off node1, power-off node2",)),
    "what-if/ring": Story(_lab("ring"), tuple(f"return node{number}" for number in (1, 2, 3))),
    "placement": Story(lambda: Parts(LABS["placed"]), ("return node1", "return node2")),
    "loads": Story(lambda: loaded.PARTS),
    "homecoming/galera": Story(
        _lab("galera"),
        ("promote node2", "ready node2", "fail database node2"),
        all_single=False,
    ),
    "homecoming/active-active": Story(
        _lab("active-active"),
        ("return node2", "ready node2", "fail web node2"),
        all_single=False,
    ),
}
"""By their folders."""


class Scheduler:
    """crm_simulate in a root folder of a guest; it stands in for a node that can be asked."""

    name = "node1"

    def __init__(self, root: Path) -> None:
        self._root = root
        self.cib, self.said = "", ""

    def run(self, command: str, *, check: bool = True, stdin: str | None = None) -> Result:
        """Answer what `what-if` asks of a node."""
        if QUERY_COMMAND in command:
            return Result(self.cib, "", 0)
        done = self._call(SIMULATION_COMMAND, stdin)
        self.said = done.stdout
        return Result(done.stdout, done.stderr, done.returncode)

    def settle(self, cib: str) -> str:
        """Return the configuration and state once the cluster has nothing left to do."""
        for _ in range(2):
            before, after = (self._root / "tmp" / name for name in ("before.xml", "after.xml"))
            before.write_text(cib)
            words = f"crm_simulate --simulate --xml-file /tmp/{before.name}"
            done = self._call(f"{words} --save-output /tmp/{after.name}", None)
            if done.returncode:
                raise SystemExit(f"crm_simulate: {done.stdout}{done.stderr}")
            cib = after.read_text()
        return cib

    def _call(self, command: str, stdin: str | None) -> subprocess.CompletedProcess[str]:
        words = ["chroot", str(self._root), *command.split()]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)


def capture(scheduler: Scheduler, folder: str, story: Story) -> None:
    """Write down the healthy lab, and what the scheduler says to each event."""
    parts, target = story.parts(), FIXTURES / folder
    inventory = parts.inventory
    target.mkdir(exist_ok=True)
    scheduler.cib = scheduler.settle(_begun(parts))
    (target / "cib.xml").write_text(scheduler.cib)
    asked = Forecaster(inventory, cast(Remote, scheduler), votes(inventory))
    (target / "now.xml").write_text(scheduler.said)
    failures = [each.words for each in single_failures(inventory)] if story.all_single else []
    for words in dict.fromkeys((*failures, *story.events)):
        verb, _, name = words.partition(" ")
        if verb in ("return", "promote", "ready"):
            scheduler.run(SIMULATION_COMMAND, stdin=_returning(scheduler, parts, verb, name))
        else:
            asked.imagine(parse_events(inventory, [words]))
        path = target / f"{words.replace(', ', '-').replace(' ', '-')}.xml"
        path.write_text(scheduler.said)
        print(path.relative_to(FIXTURES))


def _begun(parts: Parts) -> str:
    """Return a lab whose nodes are all there, and say what those of a healthy one say."""
    root = ElementTree.fromstring(cib.desired(parts))
    root.attrib.update(SCHEMA, admin_epoch="0", epoch="1", num_updates="0")
    root.set("have-quorum", "1")
    known, status = root.find("configuration/nodes"), root.find("status")
    known = SubElement(_configuration(root), "nodes") if known is None else known
    status = SubElement(root, "status") if status is None else status
    for node in parts.inventory.nodes:
        if known.find(f"node[@uname='{node.name}']") is None:
            SubElement(known, "node", id=str(node.number), uname=node.name)
        state = SubElement(status, "node_state", id=str(node.number), uname=node.name)
        state.attrib.update(in_ccm=SINCE, crmd=SINCE, join="member", expected="member")
        _say(state, _attributes(parts, node, "ready"))
    return ElementTree.tostring(root, encoding="unicode")


def _returning(scheduler: Scheduler, parts: Parts, verb: str, name: str) -> str:
    """Return a lab that had lost a node and settled, and how far the node has come since."""
    gone = Hypothesis(scheduler.cib)
    gone.lose(name)
    back = Hypothesis(scheduler.settle(gone.text()))
    back.bring_back(name)
    text = _saying(back.text(), parts, name, "return")
    for stage in ("promote", "ready")[: ("return", "promote", "ready").index(verb)]:
        text = _saying(scheduler.settle(text), parts, name, stage)
    return text


def _saying(text: str, parts: Parts, name: str, stage: str) -> str:
    root = ElementTree.fromstring(text)
    state = root.find(f"status/node_state[@uname='{name}']")
    assert state is not None
    _say(state, _attributes(parts, parts.inventory.machine(name), stage))
    return ElementTree.tostring(root, encoding="unicode")


def _attributes(parts: Parts, node: Machine, stage: str) -> dict[str, str]:
    """Return what a node says of itself: when it is back, can be promoted, and is ready at last."""
    inventory: Inventory = parts.inventory
    found = {"service-cable": "1"}
    for storage in inventory.storage:
        if storage.replicated and node in inventory.carriers(storage):
            found[f"master-{storage.instance}"] = "10000"
    for service in inventory.services:
        if service.settings.promoted and stage != "return":
            found[f"master-{service.resource}"] = "100"
        if service.ready is not None and stage == "ready":
            found[service.ready] = "1"
    return found


def _say(state: Element, attributes: Mapping[str, str]) -> None:
    number = state.get("id", "")
    for former in state.findall("transient_attributes"):
        state.remove(former)
    told = Element("transient_attributes", id=number)
    owner = SubElement(told, "instance_attributes", id=f"status-{number}")
    for name, value in attributes.items():
        SubElement(owner, "nvpair", id=f"status-{number}-{name}", name=name, value=value)
    state.insert(0, told)


def _configuration(root: Element) -> Element:
    found = root.find("configuration")
    assert found is not None
    return found


def main(root: str, *folders: str) -> int:
    """Capture what is named, or everything."""
    scheduler = Scheduler(Path(root))
    for folder in folders or STORIES:
        capture(scheduler, folder, STORIES[folder])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
