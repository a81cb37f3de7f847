"""A rehearsed cloud, inside a lab's private hypervisor: books, router, guests, and who serves them.

It lives in the hypervisor's namespaces and ends with them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import urlsplit

from moto.ec2.models import ec2_backends
from werkzeug.serving import make_server

from core.folders import LabFolder
from hypervisor.objects import Virsh
from hypervisor.private import PrivateHypervisor
from labs.tables.aws import SEEN_REHEARSAL
from rehearsal import books, clock, guests, leases, metadata, router
from rehearsal.depot import lend
from rehearsal.domains import Files, Size
from rehearsal.machines import Machines
from rehearsal.router import Router
from rehearsal.serving import Settled, application, serve
from rehearsal.wanted import Port, Subnet, Wanted

ACCOUNT = "123456789012"
"""moto's only account."""
METADATA = ("169.254.169.254", 80)


class Cloud:
    """One region of moto's account, and what is there of it.

    `user` is the address by which whoever comes from outside to a public address is seen.
    """

    def __init__(self, folder: LabFolder, region: str, user: IPv4Address, size: Size) -> None:
        virsh = Virsh(PrivateHypervisor(folder).uri)
        self._machines = Machines(virsh, Files(folder.rehearsal), size)
        self._user = user
        self._router = Router(router.run_ip, router.run_nft)
        guests.install(self._machines)
        self._backend = ec2_backends[ACCOUNT][region]
        self._wanted = Wanted()

    def serve(self, listening: int, depot: int) -> None:
        """Answer for ever: on a socket that is open, and to instances.

        `depot` is a channel to who gets packages for them.
        """
        router.prepare(self._user)
        lend(depot)
        for task in (self._serve_metadata, self._serve_leases, clock.serve):
            _in_background(task)
        answers = Settled(application(), self.settle)
        seen = urlsplit(SEEN_REHEARSAL)
        serve(answers, str(seen.hostname), seen.port or 0)
        serve(answers, "127.0.0.1", 0, listening)
        threading.Event().wait()

    def settle(self) -> None:
        """Have all that the books say come true; raises HalabError when something does not."""
        wanted = books.read(self._backend)
        if wanted != self._wanted:
            self._router.match(wanted)
            self._machines.match(wanted)
            self._wanted = wanted

    def _serve_metadata(self) -> None:
        app = metadata.service(self._instance_at)
        make_server(*METADATA, app, threaded=True).serve_forever()

    def _serve_leases(self) -> None:
        leases.serve(self._interface)

    def _instance_at(self, address: str) -> Any:
        asked = IPv4Address(address)
        return next(
            (
                each
                for each in self._backend.all_instances()
                for nic in each.nics.values()
                for own in nic.private_ip_addresses
                if IPv4Address(own["PrivateIpAddress"]) == asked
            ),
            None,
        )

    def _interface(self, mac: str) -> tuple[Port, Subnet] | None:
        # From the books: a guest may ask before the request that made it is answered.
        wanted = books.read(self._backend)
        subnets = {each.id: each for each in wanted.subnets}
        return next(
            ((port, subnets[port.subnet]) for port in wanted.ports if port.mac == mac), None
        )


def _in_background(task: Callable[[], None]) -> None:
    threading.Thread(target=task, daemon=True).start()
