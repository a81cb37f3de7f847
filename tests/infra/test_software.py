"""Software as a resource: in which order a changed lab is brought to its inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from infra import software
from infra.software import SoftwareProvider
from inventory.model import Inventory
from inventory.record import LabRecord, load_inventory, load_record, save
from tests.unit.provisioned_lab import SECRETS, inventory

EVERYWHERE = {"web": {"kind": "nginx", "runs": "everywhere"}}


def lab(count: int) -> Inventory:
    names = [f"node{number}" for number in range(1, count + 1)]
    return inventory(nodes={"names": names}, services=EVERYWHERE)


def inputs(wanted: Inventory, path: Path) -> dict[str, Any]:
    return {
        "inventory": wanted.model_dump_json(),
        "inventory_path": str(path),
        "secrets": SECRETS.reveal(),
    }


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, record: LabRecord, tmp_path: Path) -> list[str]:
    happened: list[str] = []
    save(LabFolder(tmp_path).record, record)

    def names(found: Inventory) -> str:
        return " ".join(node.name for node in found.nodes)

    def depart(before: Inventory, after: Inventory, _: object) -> None:
        happened.append(f"from {names(before)} to {names(after)}")

    monkeypatch.setattr(software, "depart", depart)
    monkeypatch.setattr(software, "write_known_hosts", lambda found: happened.append("noted"))
    monkeypatch.setattr(software, "apply", lambda found, *_: happened.append(names(found)))
    monkeypatch.setattr(software, "wait_healthy", lambda *_: happened.append("healthy"))
    return happened


def test_who_leaves_is_out_before_the_lab_is_another_one(events: list[str], tmp_path: Path) -> None:
    three, four, path = lab(3), lab(4), tmp_path / "inventory.json"
    save(path, four)

    SoftwareProvider().update("", inputs(four, path), inputs(three, path))

    assert events == [
        "from node1 node2 node3 node4 to node1 node2 node3",
        "noted",
        "node1 node2 node3",
        "healthy",
    ]
    assert Inventory.model_validate_json(path.read_bytes()) == three
    assert list(load_record(LabFolder(tmp_path)).domains) == ["node1", "node2", "node3", "monitor"]


def test_who_cannot_leave_stays_the_labs(
    events: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three, four, path = lab(3), lab(4), tmp_path / "inventory.json"
    save(path, four)

    def depart(*_: object) -> None:
        raise HalabError("node4 cannot leave")

    monkeypatch.setattr(software, "depart", depart)
    with pytest.raises(HalabError):
        SoftwareProvider().update("", inputs(four, path), inputs(three, path))

    assert "node4" in load_record(LabFolder(tmp_path)).domains
    assert load_inventory(LabFolder(tmp_path)) == four


def test_what_an_interrupted_growth_began_is_taken_back_in_order(
    events: list[str], tmp_path: Path
) -> None:
    """The state of Pulumi does not know the new node yet; what was noted last does."""
    three, four, path = lab(3), lab(4), tmp_path / "inventory.json"
    save(path, four)
    held = inputs(three, path)

    assert SoftwareProvider().diff("", held, held).changes
    SoftwareProvider().update("", held, held)

    assert events[0] == "from node1 node2 node3 node4 to node1 node2 node3"
    assert Inventory.model_validate_json(path.read_bytes()) == three


def test_a_lab_that_is_only_mended_sees_nobody_off(events: list[str], tmp_path: Path) -> None:
    three, path = lab(3), tmp_path / "inventory.json"
    save(path, three)

    SoftwareProvider().update("", inputs(three, path), inputs(three, path))

    assert events == ["node1 node2 node3", "healthy"]
