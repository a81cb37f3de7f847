"""A web server: what its storage holds, or pages of its own on every node."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from inventory.model import Machine
from labs.durations import Operations
from parts.base import Found
from parts.cluster import Primitive, advised, operations
from parts.host import Entry, File, Step, program, render
from parts.secrets import Secrets
from parts.services.base import Process
from parts.services.folder import clear_entries, list_entries
from parts.services.pages import PING, PagesPart

UNIT = "nginx.service"

AGENT = "/usr/lib/ocf/resource.d/halab/nginx"
"""Where Pacemaker looks for ocf:halab:nginx."""

PAGES = "/var/lib/halab/www"
"""Pages of servers without storage, and what is laid into new storage."""

HELD_FACTOR = 1.2
"""By which timeouts exceed the longest wait for a disk."""


class Nginx(PagesPart):
    """One web server. Pacemaker starts it, systemd never."""

    kind = "nginx"
    # The agent uses curl.
    node_packages = ("curl", "nginx", "procps", "resource-agents")
    monitor_packages = ("curl",)
    left_alone = (UNIT,)

    start_pace_s = 2.0

    @property
    def configuration(self) -> str:
        """Where its configuration stands.

        The agent finds its processes by this path, as a regular expression: no service's may be
        read in another's.
        """
        name = f"{self.service.name}.halab" if self.service.number else "halab"
        return f"/etc/nginx/{name}.conf"

    @property
    def process(self) -> Process:
        """The server's master process writes its number."""
        return Process(f"/run/nginx-{self._tag()}.pid")

    @property
    def timeouts(self) -> Operations:
        """As ocf:heartbeat:nginx advises, and no less than its only worker may wait for a disk.

        Else the loss of a node that it does not run on would have it restarted.
        """
        found = advised(self.timing, start=40, stop=60, monitor=30, every_s=self.every_s)
        least_s = ceil(HELD_FACTOR * self.held_s)
        return replace(
            found, stop_s=max(found.stop_s, least_s), monitor_s=max(found.monitor_s, least_s)
        )

    @property
    def primitive(self) -> Primitive:
        """The server.

        OCF_CHECK_LEVEL 10 makes the monitor ask for a page; without it, it only looks for
        processes.
        """
        return Primitive(
            self.service.resource,
            "ocf:halab:nginx",
            operations(self.timeouts, monitor={"OCF_CHECK_LEVEL": 10}),
            {
                "configfile": self.configuration,
                "status10url": self._url,
                "status10regex": "^ok",
            },
        )

    @property
    def fill(self) -> str:
        """Lay in the page, and room for a client's ledger."""
        return (
            'install -d -m 0755 "$1/www"\n'
            'install -d -m 0755 -o www-data -g www-data "$1/www/ledger" "$1/www/.drafts"\n'
            f'install -m 0644 {self._pages}/index.html "$1/www/index.html"'
        )

    @property
    def ledger(self) -> str:
        """Where a client's ledger stands on the node that serves."""
        return f"{self._root}/ledger"

    def list_ledger(self, run: str) -> str:
        """List files, with their times and sums."""
        return list_entries(self.ledger, run)

    def clear_ledger(self, run: str) -> str:
        """Remove files."""
        return clear_entries(self.ledger, run)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the server's configuration, its page, and the agent that runs it."""
        tag = self._tag()
        text = render(
            "nginx.conf.j2",
            resource=self.service.resource,
            port=self.service.port,
            pid_file=self.process.pid_file,
            temporary=f"/run/nginx-{tag}",
            root=self._root,
            ledger=self.keeps_writes,
            # Where all nodes write the filesystem at once, each has drafts of its own.
            drafts=f".drafts/{machine.name}" if self._shares else ".drafts",
            ping=PING,
        )
        node = None if self.keeps_writes else machine.name
        disk = "replicated" if self.storage is None or self.storage.replicated else "shared"
        page = render("index.html.j2", lab=self.inventory.lab, node=node, disk=disk)
        return (
            File(self.configuration, text),
            File(f"{self._pages}/index.html", page),
            File(AGENT, program("nginx_agent.sh"), mode=0o755),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make a running server take over a changed configuration; elsewhere nothing happens.

        One that gets another port is started again by the cluster, which asks for a page there.
        """
        facts = found[machine]
        stays = facts.cluster_runs and self._url in facts.cib
        if self.configuration not in written or not stays:
            return ()
        command = f"if [ -s {self.process.pid_file} ]; then kill -HUP {self.process.first}; fi"
        return (Step("web server took over its configuration", command),)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}{PING}"

    @property
    def _shares(self) -> bool:
        return self.storage is not None and self.storage.together

    @property
    def _root(self) -> str:
        return self._pages if self.storage is None else f"{self.storage.mount_point}/www"

    @property
    def _pages(self) -> str:
        return f"{PAGES}/{self.service.name}" if self.service.number else PAGES
