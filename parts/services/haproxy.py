"""A load balancer: passes what clients ask to the servers of another service, on all nodes."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.model import Inventory, Machine
from inventory.parts import Service
from labs.ports import HAPROXY_STATISTICS
from labs.roles import NetworkRole
from parts.base import Found
from parts.cluster import every
from parts.host import Entry, File, Step, render
from parts.reasons import Reason
from parts.secrets import Secrets
from parts.seen import Seen
from parts.services.base import Process
from parts.services.pages import PING, PagesPart
from parts.services.unit import UnitPart
from wire.haproxy import parse_servers

UNIT = "haproxy.service"
CONFIGURATION = "/etc/haproxy/haproxy.cfg"
"""What the package's unit reads."""

CHECK = '/usr/sbin/haproxy -c -f "$1"'

CHECK_S = 1
"""Between two questions to each server, on machines as usual: two without an answer take it out."""

CONNECT_PACE_MS = 250
"""How long a server may take to connect, for each unit of pace, before the next one is asked. On
KVM a client outside, which waits 0.8 s, does not notice a node that is dead."""

READING = "haproxy"


class Haproxy(UnitPart, PagesPart):
    """One load balancer."""

    kind = "haproxy"
    node_packages = ("curl", "haproxy")
    monitor_packages = ("curl",)
    unit = UNIT
    left_alone = (UNIT,)

    start_pace_s = 3.0

    def __init__(self, inventory: Inventory, service: Service) -> None:
        super().__init__(inventory, service)
        self.behind = next(each for each in inventory.services if each.name == self.passes_to)

    @property
    def process(self) -> Process:
        """The master process writes its number; it and its worker have one name."""
        return Process("/run/haproxy.pid")

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the configuration; one that HAProxy would refuse replaces none."""
        text = render(
            "haproxy.cfg.j2",
            resource=self.service.resource,
            port=self.service.port,
            behind=self.behind,
            servers={
                node.name: node.interfaces[NetworkRole.SERVICE].address.ip
                for node in self.inventory.nodes
            },
            ping=PING,
            check_s=every(self.timing, CHECK_S),
            connect_ms=CONNECT_PACE_MS * self.timing.pace,
            statistics=HAPROXY_STATISTICS,
        )
        return (File(CONFIGURATION, text, check=CHECK),)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make a running one take over a changed configuration; elsewhere nothing happens."""
        if CONFIGURATION not in written or not found[machine].cluster_runs:
            return ()
        command = f"systemctl try-reload-or-restart {UNIT}"
        return (Step("load balancer took over its configuration", command),)

    def readings(self) -> dict[str, str]:
        """Ask for its opinion of the servers."""
        url = f"http://127.0.0.1:{HAPROXY_STATISTICS}/;csv"
        return {READING: f"curl --silent --max-time 5 '{url}'"}

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell besides of servers that run, and that it gets no answer from."""
        yield from super().reasons(seen)
        if seen.cluster is None:
            return
        resource, behind = self.service.resource, self.behind.resource
        asked = [name for name in seen.cluster.running(behind) if name in seen.online]
        for name in seen.cluster.running(resource):
            node = seen.reached.get(name)
            if node is None:
                continue
            up = parse_servers(node.told.get(READING, ""), behind)
            for server in asked:
                if not up.get(server):
                    yield f"{resource} on {name} gets no answer from {behind} on {server}"
