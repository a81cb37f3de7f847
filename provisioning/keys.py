"""Keys of a running cluster: they change on all its members at once, or not at all.

A daemon reads its key when it starts. What runs with another key than the one on its disk goes on
working until it has to start again, and then nobody knows it any more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from inventory.model import Inventory, Machine
from provisioning.corosync import AUTHKEY
from provisioning.facts import Facts, Unit
from provisioning.secrets import Secrets


def holders_of_others(
    inventory: Inventory, secrets: Secrets, found: Mapping[str, Facts]
) -> tuple[Machine, ...]:
    """Return the nodes whose cluster runs with another key than it shall: they have to stop first.

    A node that is together with one that has the right key runs with it too, whatever was done to
    its file.
    """
    wanted = hashlib.sha256(base64.b64decode(secrets.corosync_authkey)).hexdigest()
    right = {n.number for n in inventory.nodes if found[n.name].digests.get(AUTHKEY) == wanted}
    return tuple(
        node
        for node in inventory.nodes
        if found[node.name].units[Unit.COROSYNC].active
        and node.number not in right
        and not found[node.name].members & right
    )
