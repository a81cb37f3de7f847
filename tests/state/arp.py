"""Who answers for the service address, asked by ARP from the monitor."""

from __future__ import annotations

import json
import shlex
from importlib import resources

from inventory.model import Inventory
from labs.roles import NetworkRole
from machines.remote import Remote
from provisioning.files import File, ensure_files

_FOLDER = "/run/halab"
_PROGRAM = f"{_FOLDER}/outside.py"


def answering_hardware(
    inventory: Inventory, network: NetworkRole = NetworkRole.SERVICE
) -> tuple[str, ...]:
    """Ask on a network of the monitor who has the service address; return hardware addresses."""
    interface = inventory.monitor.interfaces[network].name
    program = (resources.files("drills") / "outside.py").read_text()
    with Remote(inventory.monitor) as remote:
        remote.run(f"mkdir -p {_FOLDER}")
        ensure_files(remote, (File(_PROGRAM, program),))
        words = ["python3", _PROGRAM, "answers", interface, str(inventory.service.address.ip)]
        return tuple(json.loads(remote.run(shlex.join(words)).stdout))
