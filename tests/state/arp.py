"""Who answers for an address, asked by ARP from the monitor."""

from __future__ import annotations

import json
import shlex
from importlib import resources
from ipaddress import IPv4Address

from inventory.model import Inventory
from labs.roles import NetworkRole
from machines.remote import Remote
from parts.host import File
from provisioning.files import ensure_files

_FOLDER = "/run/halab"
_PROGRAM = f"{_FOLDER}/arp.py"


def answering_hardware(
    inventory: Inventory, address: IPv4Address, network: NetworkRole = NetworkRole.SERVICE
) -> tuple[str, ...]:
    """Ask on a network of the monitor who has an address; return hardware addresses."""
    interface = inventory.monitor.interfaces[network].name
    program = (resources.files("drills") / "arp.py").read_text()
    with Remote(inventory.monitor) as remote:
        remote.run(f"mkdir -p {_FOLDER}")
        ensure_files(remote, (File(_PROGRAM, program),))
        words = ["python3", _PROGRAM, interface, str(address)]
        return tuple(json.loads(remote.run(shlex.join(words)).stdout))
