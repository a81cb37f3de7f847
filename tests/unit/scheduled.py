"""What Pacemaker's own scheduler said of labs, and what drills expect of the same events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from drills.catalogue import catalogue
from drills.expectations import Expected
from drills.situation import Fate, situations
from inventory.model import Inventory
from parts.all import Parts
from provisioning import cib
from wire.corosync import QdeviceState, QuorumView
from wire.simulation import Simulation, parse_simulation

FIXTURES = Path(__file__).parent / "fixtures"
SECTIONS = ("resources", "constraints", "rsc_defaults")
"""What of a configuration decides where resources run."""


@dataclass(frozen=True)
class Scheduled:
    """Answers of crm_simulate about a lab, captured in a folder of FIXTURES: `now`, and events."""

    parts: Parts
    folder: str

    def captured(self, name: str) -> Simulation:
        """Return what the scheduler said to this."""
        text = (FIXTURES / self.folder / f"{name.replace(' ', '-')}.xml").read_text()
        found = parse_simulation(text)
        assert found is not None
        return found

    def places(self, name: str) -> dict[str, str]:
        """Return the node of each service after this; "" for nowhere."""
        after = self.captured(name).after
        services = self.parts.inventory.services
        return {each.name: "".join(after.running(each.resource)) for each in services}

    def foretold(self, event: str, service: str) -> Expected:
        """Return what the drill that brings an event about expects of a service."""
        kind, *at = event.rsplit(" ", 1) if not event.startswith("fail") else (event,)
        [drill] = [each for each in catalogue(self.parts).values() if each.event == kind]
        before = self.places("now")
        holders = {
            each.name: {address.ip: before[each.name] for address in each.addresses}
            for each in self.parts.inventory.services
        }
        targets = at or [before[drill.service or ""]]
        return drill.expected(situations(self.parts, holders, targets)[service])

    def check(self, event: str, service: str) -> None:
        """Let drills expect of a service what the scheduler says: no less, and no more."""
        expected = self.foretold(event, service)
        before, after = self.places("now")[service], self.places(event)[service]
        moved, again = after != before, (service, after) in self.captured(event).again
        assert expected.interrupted == (moved or again)
        assert (expected.fate is Fate.STAYS) == (not moved)

    def check_told(self) -> None:
        """Let the scheduler have been told what the cluster is told today."""
        then = (FIXTURES / self.folder / "cib.xml").read_text()
        for section in SECTIONS:
            told, tells = (_section(text, section) for text in (then, cib.desired(self.parts)))
            assert told == tells, section


def _section(text: str, name: str) -> str:
    found = ElementTree.fromstring(text).find(f"configuration/{name}")
    assert found is not None
    return ElementTree.canonicalize(
        ElementTree.tostring(found, encoding="unicode"), strip_text=True
    )


def votes(inventory: Inventory) -> QuorumView:
    """Return the votes of a lab in which all machines run."""
    nodes = frozenset(node.number for node in inventory.nodes)
    device = inventory.quorum == "device"
    total = len(nodes) + device
    return QuorumView(True, total, total, QdeviceState.VOTING if device else None, nodes)
