"""What answers with pages: how the monitor, the monitoring's server and a browser ask for them."""

from __future__ import annotations

from ipaddress import IPv4Address

from parts.services.base import Check, ServicePart
from parts.watched import watched

PING = "/ping"
"""The path of a page that is there for whoever wants to know whether a server answers: "ok"."""


class PagesPart(ServicePart):
    """A service that clients ask over HTTP."""

    def question(self, address: IPv4Address) -> str:
        """Ask for the page."""
        return f"curl --silent --fail --output /dev/null --max-time 5 {self.url(address)}"

    def check(self, address: IPv4Address, name: str, apart: str) -> Check:
        """Let the server ask for the page that the cluster's monitor asks for, too."""
        page = watched(
            "http",
            apart=apart,
            name=name,
            service=self.service.name,
            address=address,
            url=f"{self.url(address).rstrip('/')}{PING}",
        )
        return Check(page, f"last(//web.test.fail[{name}])=0")

    def reached_at(self, host: str, port: int) -> str:
        """Return the address of the page."""
        return f"http://{host}{'' if port == 80 else f':{port}'}/"
