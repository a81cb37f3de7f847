"""What a node needs to ask AWS for something, whichever of its programs asks."""

from __future__ import annotations

import shlex

from inventory.cloud import Cloud
from inventory.model import Inventory, Machine
from parts.base import Found, Part
from parts.host import Entry, File, Step, render
from parts.secrets import Secrets

CONFIGURATION = "/root/.aws/config"
"""What AWS's own programs and boto3 read as root. Pacemaker hands its agents no environment."""

NAMELESS = "nameless-volumes"
"""The look at what of a machine's volumes stands nowhere yet."""

TRIGGER = "udevadm trigger --action=change --subsystem-match=block --settle"


class CloudAccess(Part):
    """AWS as nodes see it: the region, and who answers.

    There are no keys: instances get theirs, which end after hours, from where they run.
    """

    # It calls a node's volumes by the names that they were attached by.
    node_packages = ("amazon-ec2-utils",)
    cloud_only = True

    def __init__(self, inventory: Inventory, cloud: Cloud) -> None:
        super().__init__(inventory)
        self.cloud = cloud

    def looks(self, machine: Machine) -> dict[str, str]:
        """Ask which volumes have no name yet: rules say nothing of disks that came before them."""
        words = shlex.join(self._disks(machine))
        return {NAMELESS: f'for disk in {words}; do [ -b "$disk" ] || echo "$disk"; done'}

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Have udev name the volumes."""
        if not found[machine].looks.get(NAMELESS):
            return ()
        tests = "".join(f"test -b {shlex.quote(disk)}\n" for disk in self._disks(machine))
        return (Step("volumes have their names", f"{TRIGGER}\n{tests}"),)

    def _disks(self, machine: Machine) -> list[str]:
        return [
            each.disk for each in self.inventory.storage if machine in self.inventory.carriers(each)
        ]

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the configuration."""
        text = render("aws-config.j2", region=self.cloud.region, endpoint=self.cloud.endpoint)
        return (File(CONFIGURATION, text, mode=0o600),)
