"""What a node needs to ask AWS for something, whichever of its programs asks."""

from __future__ import annotations

from inventory.cloud import Cloud
from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from parts.base import Found, Part
from parts.host import Entry, File, render
from parts.secrets import Secrets

CONFIGURATION = "/root/.aws/config"
"""What AWS's own programs and boto3 read as root. Pacemaker hands its agents no environment."""


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

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the configuration; the monitor asks AWS for nothing."""
        if machine.role is MachineRole.MONITOR:
            return ()
        text = render("aws-config.j2", region=self.cloud.region, endpoint=self.cloud.endpoint)
        return (File(CONFIGURATION, text, mode=0o600),)
