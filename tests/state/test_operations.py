"""Operations: no agent is given less time than its authors advise."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from inventory.model import Inventory
from tests.state.conftest import Inspected

UNITS = {"ms": 0.001, "": 1, "s": 1, "sec": 1, "m": 60, "min": 60}
"""Seconds in each unit that agents write; a bare number is seconds to Pacemaker."""


def seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)\s*([a-z]*)", text.strip())
    assert found, f"no time: {text!r}"
    return int(found[1]) * UNITS[found[2]]


def agent(primitive: Element) -> str:
    words = (primitive.get("class"), primitive.get("provider"), primitive.get("type"))
    return ":".join(word for word in words if word)


def test_every_operation_has_the_time_that_its_agent_advises(
    inventory: Inventory, visit: Callable[[str], Inspected]
) -> None:
    node = visit(inventory.nodes[0].name)
    resources = ElementTree.fromstring(node.output("cibadmin --query --scope resources"))
    short, compared = [], 0
    for primitive in resources.iter("primitive"):
        advice = ElementTree.fromstring(
            node.output(f"crm_resource --show-metadata {agent(primitive)}")
        )
        for operation in primitive.iter("op"):
            name = operation.attrib["name"]
            advised = [
                seconds(action.attrib["timeout"])
                for action in advice.iter("action")
                if action.get("name") == name and "timeout" in action.attrib
            ]
            compared += len(advised)
            if any(seconds(operation.attrib["timeout"]) < least for least in advised):
                short.append((primitive.get("id"), name, operation.get("timeout"), advised))
    assert not short
    # Pacemaker's own agents and those of fencing advise some; three operations of an address do.
    assert compared >= 3
