"""What a part of a cluster is: everything that a kind of thing needs, said in one place.

A part asks and changes nothing. Whoever reads, configures or watches machines goes through the
parts of a lab and does what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from parts.cluster import Resource, Values
from parts.constraints import Constraint
from parts.daemons import Daemon
from parts.facts import Facts
from parts.host import Entry, File, Step
from parts.reasons import Reason
from parts.secrets import Secrets
from parts.seen import Seen
from parts.settings import Alert
from parts.watched import Column, Watched
from wire.cib import known_nodes


@dataclass(frozen=True)
class Found:
    """How all machines were found, by name; `nodes` are the names of the cluster nodes."""

    facts: Mapping[str, Facts]
    nodes: tuple[str, ...]

    def __getitem__(self, machine: Machine) -> Facts:
        return self.facts[machine.name]

    @property
    def cluster_runs(self) -> bool:
        """Whether Pacemaker is active on any node."""
        return any(self.facts[name].cluster_runs for name in self.nodes)

    def is_new(self, machine: Machine) -> bool:
        """Tell whether a node has yet to be taken into a cluster that runs on others.

        The cluster that runs does not know it; or it was noted then, and that was not the end.
        """
        facts = self.facts.get(machine.name)
        noted = facts is not None and NEWCOMER in facts.notes
        return noted or (bool(self.known) and machine.name not in self.known)

    @property
    def known(self) -> frozenset[str]:
        """The nodes, by name, that the cluster knows which runs on any."""
        running = (self.facts[name] for name in self.nodes if self.facts[name].cluster_runs)
        return frozenset().union(*(known_nodes(each.cib) for each in running))

    @property
    def corosync_confs(self) -> list[str]:
        """What the nodes hold as corosync.conf."""
        return [self.facts[name].corosync_conf for name in self.nodes]


NEWCOMER = "newcomer"
"""The note of a node that has yet to be taken into a running cluster."""


class Part:
    """A part of one lab. What a kind of part does not need, it leaves as it is here: nothing."""

    node_packages: ClassVar[tuple[str, ...]] = ()
    monitor_packages: ClassVar[tuple[str, ...]] = ()
    """What a node, and the monitor, need for it: guest images bring the packages of all kinds."""

    left_alone: ClassVar[tuple[str, ...]] = ()
    """Units that these packages would start on a node at every boot, and only the cluster may."""

    node_prepared: ClassVar[str] = ""
    monitor_prepared: ClassVar[str] = ""
    """Shell text that a guest image runs while it is made, once it has these packages: what would
    take an emulated guest minutes. Machines whose image lacks its result do it themselves."""

    cloud_only: ClassVar[bool] = False
    """Whether only labs in a cloud have it, whose machines begin with images of somebody else's."""

    needs_full_kernel: ClassVar[bool] = False
    """Whether only nodes with Debian's full kernel have it, whose images alone bring it then."""

    on_monitor: ClassVar[bool] = False
    """Whether it has to do with the monitor, which is asked about such parts alone, besides its
    packages; a node is asked about every part."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.timing = inventory.timing

    def packages(self, role: MachineRole) -> tuple[str, ...]:
        """Return the packages that a machine of this role needs: all, unless it can do without."""
        return self.node_packages if role is MachineRole.NODE else self.monitor_packages

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the units that have to run on a machine of this role."""
        return ()

    def strangers(self, role: MachineRole) -> tuple[str, ...]:
        """Return the units that must not run: the cluster runs what they would."""
        return self.left_alone if role is MachineRole.NODE else ()

    def daemons(self, role: MachineRole) -> tuple[Daemon, ...]:
        """Return the daemons that systemd starts again where they die."""
        return ()

    def asked(self, role: MachineRole) -> tuple[str, ...]:
        """Return units whose state the part has to know besides."""
        return ()

    def looks(self, machine: Machine) -> dict[str, str]:
        """Return shell text that prints what the part has to know of a machine, by a name."""
        return {}

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Return what stands on a machine for good, whether or not it is there."""
        return ()

    def delivery(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[File, ...]:
        """Return files that only travel: none when what they bring is there already."""
        return ()

    def must_stop(self, machine: Machine, secrets: Secrets, found: Found) -> bool:
        """Tell whether the cluster must stop on a node before this part can be put right."""
        return False

    def hinders(self, found: Found) -> Iterable[str]:
        """Tell why the lab cannot be configured as it was found: nothing is changed then."""
        return ()

    def configure(self, machine: Machine, found: Found, written: frozenset[str]) -> Iterable[Step]:
        """Return what follows on a machine alone; `written` are its files that had to be."""
        return ()

    def admit(self, machine: Machine, found: Found, written: frozenset[str]) -> Iterable[Step]:
        """Return what a running cluster learns of its members once all machines are configured."""
        return ()

    def prepare_data(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> Iterable[Step]:
        """Return what a node does once all are configured, before it is a member."""
        return ()

    def join(self, machine: Machine, found: Found, written: frozenset[str]) -> Iterable[Step]:
        """Return what makes a configured node a member.

        Of the monitor: what members need of it no more.
        """
        return ()

    def start(self, machine: Machine, found: Found) -> Iterable[Step]:
        """Return what starts the cluster on a node that is a member, and first what that needs."""
        return ()

    def welcome(self, machine: Machine, found: Found) -> Iterable[Step]:
        """Return what a new node has to prove in standby, and what then lets resources run on it.

        Only a node that `found` calls new is asked.
        """
        return ()

    def report(self, machine: Machine, found: Found, written: frozenset[str]) -> Iterable[Step]:
        """Return what can wait until the service runs: while the cluster starts, it costs time."""
        return ()

    def watched(self, role: MachineRole) -> tuple[str, ...]:
        """Return the services whose state makes a machine healthy or not, as systemctl has them."""
        return ()

    def readings(self) -> dict[str, str]:
        """Return shell text that shows the part's state on a node, by a name of one word."""
        return {}

    def reasons(self, seen: Seen) -> Iterable[Reason | str]:
        """Return what is not right with the part; a sentence alone stands for what passes."""
        return ()

    def properties(self) -> Values:
        """Return properties of the cluster."""
        return {}

    def resources(self) -> tuple[Resource, ...]:
        """Return what the cluster runs of this part."""
        return ()

    def constraints(self) -> tuple[Constraint, ...]:
        """Return where and when that runs."""
        return ()

    def alerts(self) -> tuple[Alert, ...]:
        """Return programs that Pacemaker tells its events."""
        return ()

    def monitored(self) -> Iterable[Watched]:
        """Return what the monitoring watches of the part."""
        return ()

    def columns(self) -> tuple[Column, ...]:
        """Return what the dashboard shows of the part for each node."""
        return ()

    def is_first(self, machine: Machine) -> bool:
        """Tell whether this machine does what only one node may do."""
        return machine.number == self.inventory.nodes[0].number
