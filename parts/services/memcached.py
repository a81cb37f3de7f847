"""A cache in memory, on one node or on all: what it holds is gone with its process."""

from __future__ import annotations

import shlex
from ipaddress import IPv4Address

from inventory.model import Machine
from parts.base import Found
from parts.host import Entry, File, Step, render
from parts.secrets import Secrets
from parts.services.base import Process
from parts.services.unit import UnitPart

UNIT = "memcached.service"
CONFIGURATION = "/etc/memcached.conf"
"""What the wrapper that the package's unit starts reads."""

MEMORY_MIB = 64
"""What memcached(1) takes without an option."""


class Memcached(UnitPart):
    """One cache."""

    kind = "memcached"
    node_packages = ("memcached",)
    unit = UNIT
    left_alone = (UNIT,)

    start_pace_s = 2.0
    """Reckoned as a web server's, not measured."""

    @property
    def process(self) -> Process:
        """Its only process, in whose threads everything happens."""
        return Process("/run/memcached/memcached.pid")

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the options that it starts with."""
        text = render(
            "memcached.conf.j2",
            resource=self.service.resource,
            port=self.service.port,
            pid_file=self.process.pid_file,
            memory_mib=MEMORY_MIB,
        )
        return (File(CONFIGURATION, text),)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Have a running one started anew with changed options, which empties it."""
        if CONFIGURATION not in written or not found[machine].cluster_runs:
            return ()
        return (Step("cache started with its options", f"systemctl try-restart {UNIT}"),)

    def question(self, address: IPv4Address) -> str:
        """Ask for its version; it ends the connection after that."""
        ask = f"exec 3<>/dev/tcp/{address}/{self.service.port}"
        talk = r"printf 'version\r\nquit\r\n' >&3 && grep --quiet ^VERSION <&3"
        return f"timeout 5 bash -c {shlex.quote(f'{ask} && {talk}')}"

    def reached_at(self, host: str, port: int) -> str:
        """Return an address as the client outside takes it."""
        return f"memcached://{host}:{port}/"
