"""The cluster manager: what it is told about the cluster as a whole, whatever runs in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from inventory.model import Machine
from labs.roles import MachineRole
from labs.timing import KVM_PACE
from parts.base import NEWCOMER, Found, Part
from parts.cluster import Values, seconds
from parts.facts import PACEMAKER
from parts.host import AT_BOOT, NOTES, UNITS, Entry, File, Step, program, render, unit_link
from parts.membership.corosync import QUORATE
from parts.secrets import Secrets
from parts.seen import Seen
from parts.settings import Defaults
from wire.pacemaker import ResourceState

CONFIGURATION = "/etc/default/pacemaker"

NEW_NOTE = f"{NOTES}/{NEWCOMER}"
"""The note of a node that has yet to be taken into a running cluster."""

NEW_START = f"{UNITS}/{PACEMAKER}.d/newcomer.conf"
"""What makes its Pacemaker start otherwise than those of the others."""

STICKINESS = 100
"""How much every resource wants to stay where it runs: a node that comes back takes nothing over.
`addresses.cable` has to outweigh it."""

UNSPOKEN_S = 180
"""Seconds, before `pace`, for what no operation of a resource speaks of: above all to stop what was
just taken out of the configuration, whose own timeouts went with it. As long as the slowest of our
agents advises for that (move_ip); after Pacemaker's own 20 s a busy node is fenced for it."""

FAILURES = 3
"""After so many failures on a node a resource leaves it: a single one is repaired in place."""


def standby(node: str, *, begin: bool) -> str:
    """Return the command that sends a node into standby, or brings it back."""
    return f"crm_standby --node {shlex.quote(node)} {'--update on' if begin else '--delete'}"


def noted(lab: str) -> str:
    """Return the command that notes on a node that it has yet to be let in."""
    return f"mkdir -p {NOTES}\necho {shlex.quote(lab)} >{NEW_NOTE}"


WRONG_STATES = {
    ResourceState.FAILED: "has failed",
    ResourceState.BLOCKED: "is blocked",
    ResourceState.UNMANAGED: "is not managed",
    ResourceState.ORPHANED: "runs although it is no longer configured",
}


class Pacemaker(Part):
    """Pacemaker on every node."""

    node_packages = ("pacemaker", "pacemaker-cli-utils")

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return Pacemaker's unit."""
        return (PACEMAKER,)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the daemons' settings and their start at boot.

        Before that, that a node is new: it may boot in the next moment, and somebody else go on.
        """
        new = (
            File(NEW_NOTE, f"{self.inventory.lab}\n"),
            File(NEW_START, render("newcomer.conf.j2", quorate=QUORATE)),
        )
        return (
            *(new if found.is_new(machine) else ()),
            File(CONFIGURATION, render("pacemaker.j2")),
            unit_link(PACEMAKER, AT_BOOT),
        )

    def start(self, machine: Machine, found: Found) -> tuple[Step, ...]:
        """Start Pacemaker on a node. All nodes must start within dc-deadtime of each other."""
        if found[machine].cluster_runs:
            return ()
        return (Step("cluster started", "systemctl start pacemaker"),)

    def welcome(self, machine: Machine, found: Found) -> tuple[Step, ...]:
        """Let resources run on a node that the cluster has as a member."""
        wait_s = self.timing.rejoin_wait_s
        words = (str(wait_s), machine.name, NEW_START, NEW_NOTE)
        command = f"set -- {shlex.join(words)}\n{program('await.sh', 'go_online.sh')}"
        return (Step("taken into service", command, extra_s=wait_s),)

    def watched(self, role: MachineRole) -> tuple[str, ...]:
        """Return Pacemaker."""
        return ("pacemaker",)

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell of a cluster that does not answer or agree, and of resources in a wrong state."""
        for name, node in seen.reached.items():
            if node.cluster is None:
                yield f"pacemaker does not answer on {name}"
        views = {name: node.cluster for name, node in seen.reached.items() if node.cluster}
        if seen.cluster is None:
            return
        coordinators = {name: view.dc for name, view in views.items()}
        if len(set(coordinators.values())) > 1:
            said = ", ".join(f"{name} says {dc}" for name, dc in coordinators.items())
            yield f"the nodes do not agree on who coordinates the cluster: {said}"
        if seen.cluster.dc is None:
            yield "the cluster has not elected a coordinator"
        for instance in seen.cluster.instances:
            # Maintenance makes everything unmanaged and is told as what it is.
            rests = instance.state is ResourceState.UNMANAGED and seen.cluster.rests(instance.node)
            if instance.state in WRONG_STATES and not rests:
                where = f" on {instance.node}" if instance.node else ""
                yield f"resource {instance.id}{where} {WRONG_STATES[instance.state]}"

    def properties(self) -> Values:
        """Return the cluster's properties but those of fencing.

        A node with one core counts as highly loaded from a load average of 0.77 on, 1.6 x 0.6 x the
        usual `load-threshold`; then up to three nodes do one thing at a time in all. Emulated ones
        are so even at rest (1.3 to 2.4); not throttled, each does two at once, as others do.
        """
        return {
            "cluster-name": self.inventory.lab,
            "no-quorum-policy": "stop",
            "placement-strategy": "balanced",
            "dc-deadtime": seconds(self.timing.dc_deadtime_s),
            "cluster-recheck-interval": seconds(self.timing.recheck_s),
            **({"load-threshold": "1000%"} if self.timing.pace > KVM_PACE else {}),
        }

    @property
    def defaults(self) -> Defaults:
        """What holds for every resource."""
        return Defaults(
            "rsc-options",
            {
                "resource-stickiness": STICKINESS,
                "migration-threshold": FAILURES,
                "failure-timeout": seconds(self.timing.failure_timeout_s),
            },
        )

    @property
    def operation_defaults(self) -> Defaults:
        """What holds for operations that no resource speaks of."""
        return Defaults("op-options", {"timeout": seconds(UNSPOKEN_S * self.timing.pace)})
