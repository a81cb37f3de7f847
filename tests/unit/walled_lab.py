"""A lab behind its firewall, and who knocks at it."""

from __future__ import annotations

import json
import sys
from ipaddress import IPv4Address

import pytest

from core.folders import PROJECT
from inventory.model import Firewall, Inventory
from parts.system import firewall
from tests.unit import namespaces
from tests.unit.namespaces import Namespace
from tests.unit.provisioned_lab import inventory

PLATFORM = IPv4Address("10.10.0.254")

STRANGER = 200
"""Ends the addresses of somebody who is no part of the lab."""

PREFIXES = {role: str(nic.address.ip).rsplit(".", 1)[0] for role, nic in
            inventory().nodes[0].interfaces.items()}  # fmt: skip

why_not = namespaces.missing()
with_nft = pytest.mark.skipif(why_not is not None, reason=str(why_not))


def lab(**firewall_keys: object) -> Inventory:
    """Describe a lab whose platform's address is known."""
    keys: dict[str, object] = {"platform": PLATFORM, **firewall_keys}
    return inventory().model_copy(update={"firewall": Firewall.model_validate(keys)})


def node_rules(found: Inventory) -> str:
    return firewall.rules(found, found.nodes[0])


PATIENCE_S = 0.4
"""In a namespace an answer comes within milliseconds; silence has to be waited for."""

PORTS = [21, 22, 80, 123, 443, 5403, 5405, 5406, 7788, 8080, 10050, 10051, 40000]


def passed(here: Namespace, there: Namespace, probes: list[dict[str, object]]) -> list[set[int]]:
    """Return, for each probe, the TCP ports that answered, if only to refuse."""
    asked = json.dumps({"probes": probes, "patience": PATIENCE_S})
    scanner = PROJECT / "tests" / "state" / "scanner.py"
    done = there.run(f"{sys.executable} -I -S {scanner}", stdin=asked)
    return [{*one["open"], *one["refused"]} for one in json.loads(done.stdout)]
