"""Names: every machine knows the others by theirs, on the management network."""

from __future__ import annotations

from inventory.model import Machine
from labs.roles import NetworkRole
from parts.base import Found, Part
from parts.host import Entry, File
from parts.secrets import Secrets

HOSTS = "/etc/hosts"


class Names(Part):
    """The file of names on all machines. The cluster itself goes by addresses."""

    on_monitor = True

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the file: this machine itself, and everybody in the lab."""
        others = (
            f"{each.interfaces[NetworkRole.MANAGEMENT].address.ip} {each.name}"
            for each in self.inventory.machines
        )
        return (File(HOSTS, "\n".join(("127.0.0.1 localhost", *others, ""))),)
