"""Fencing by AWS: fence_aws has the instance of a lost node stopped, and started again.

A node is lost once AWS says that its instance is stopped; nothing is inferred from time. Before it
has another stopped, a node asks AWS about itself, and leaves the other alone where it is being
stopped: of two that fence each other one lives.

There is no sbd. Instances have no hardware watchdog, and one in software is part of the kernel that
has failed: that the time of such a watchdog is over is no proof that its node does nothing.
"""

from __future__ import annotations

import shlex

from inventory.model import Inventory, Machine
from labs import cloud_timing
from labs.tables.cloud import LAB_TAG
from parts.base import Found
from parts.cluster import Primitive, advised, operations, seconds
from parts.fencing.agents import FenceAgent
from parts.fencing.base import PRIMITIVE, FencingPart
from parts.host import Entry, Step
from parts.secrets import Secrets

AGENT = FenceAgent("/usr/sbin/fence_aws", stopped_is_fenced=True)


class FenceAws(FencingPart):
    """A fencing device that asks AWS, with the rights of the instance that asks."""

    # The agent brings boto3.
    node_packages = ("fence-agents-aws",)
    cloud_only = True

    def __init__(self, inventory: Inventory) -> None:
        """Raise HalabError where the inventory does not say where in AWS the lab is."""
        super().__init__(inventory)
        self.cloud = inventory.own_cloud

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the agent."""
        return (AGENT.file(),)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Have the agent know its description before Pacemaker asks for it."""
        return AGENT.describe(written)

    def welcome(self, machine: Machine, found: Found) -> tuple[Step, ...]:
        """Have AWS answer this node, and name it among those that can be fenced."""
        where = (f"--region={self.cloud.region}", f"--filter={self.own}")
        listed = shlex.join(("fence_aws", "--action=list", *where))
        row = shlex.quote(f"^{self.cloud.instances[machine.name]},")
        command = f"{listed} | grep -q {row}"
        return (Step("fencing of this node proven ready", command),)

    @property
    def own(self) -> str:
        """What only the lab's instances have."""
        return f"tag:{LAB_TAG}={self.inventory.lab}"

    @property
    def confirmed_s(self) -> float:
        """Seconds: the agent's start and its questions, and twice AWS's own time."""
        asked_s = self.timing.slow_start_s + cloud_timing.SHOT_S
        return asked_s + cloud_timing.STOP_S + cloud_timing.START_S

    @property
    def device(self) -> Primitive:
        """The resource. Its monitor lists the lab's instances.

        It fails where AWS does not answer, or refuses, and not where a node has no rights at all
        (fence-agents 4.16).
        Nothing is listed to find out who can be fenced: `pcmk_host_map` names them.
        """
        instances = self.cloud.instances
        timeouts = advised(self.timing, start=60, stop=20, monitor=60, every_s=180)
        return Primitive(
            PRIMITIVE,
            AGENT.type,
            operations(timeouts),
            {
                "region": self.cloud.region,
                "filter": self.own,
                "power_timeout": cloud_timing.MOST_LOOKS,
                "pcmk_host_check": "static-list",
                "pcmk_host_map": ";".join(
                    f"{node.name}:{instances[node.name]}" for node in self.inventory.nodes
                ),
                "pcmk_reboot_timeout": seconds(cloud_timing.REBOOT_TIMEOUT_S),
                "pcmk_reboot_retries": cloud_timing.MOST_TRIES,
                "pcmk_off_timeout": seconds(cloud_timing.REBOOT_TIMEOUT_S),
                "pcmk_off_retries": cloud_timing.MOST_TRIES,
            },
            meta={"requires": "nothing"},
        )
